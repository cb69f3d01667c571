# The server as an image: `docker build -t sluice .`, then `docker run -p 8001:8001 -p 8000:8000 -p 8002:8002 -v ./models:/models:ro sluice`.
# docs/OPERATIONS.md says how it is meant to be run. test/interop/container.test.ts builds it line by line and starts what comes out.

# The runtime needs glibc. Pin it by digest in your own builds: --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:…
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

# What the compiler makes is the same for every platform: it runs on the builder's own.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY bench ./bench
COPY cli ./cli
COPY client ./client
COPY gateway ./gateway
COPY worker ./worker
RUN npx tsc -p tsconfig.json --declaration false --sourceMap false

# What it needs at run time, with onnxruntime's binary for this platform and no other: they are four fifths of its size.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
RUN cd node_modules/onnxruntime-node/bin \
  && here="$(node -p 'process.platform + "/" + process.arch')" \
  && test -f */"$here"/onnxruntime_binding.node \
  && find . -mindepth 3 -maxdepth 3 -type d ! -path "./*/$here" -exec rm -r {} +
# A platform on which it does not load fails here, not in production.
RUN ORT_DISABLE_TELEMETRY=1 node -e 'require("onnxruntime-node")'
# Where the server keeps the copies that its workers load; whatever user it runs as may write there.
RUN mkdir -p /made/var/cache/sluice /made/models && chmod 1777 /made/var/cache/sluice

FROM ${NODE_IMAGE}
# Nobody installs packages in here.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* /usr/local/bin/yarn /usr/local/bin/yarnpkg \
  && ln -s /app/bin/sluice.js /usr/local/bin/sluice
COPY --from=dependencies /made /
COPY --from=dependencies /app /app
COPY LICENSE /app/LICENSE
COPY proto /app/proto
COPY bin /app/bin
COPY --from=build /src/dist /app/dist
COPY deploy/image/sluice.yaml /etc/sluice/sluice.yaml

LABEL org.opencontainers.image.title="sluice" \
  org.opencontainers.image.description="An inference gateway for ONNX models" \
  org.opencontainers.image.licenses="Apache-2.0"

# Settings of a container as such. All others come from the file, which may be replaced, from SLUICE_* variables and from flags.
# The admin listener stays on the container's own loopback: nothing from outside can change what is served.
ENV SLUICE_CONFIG=/etc/sluice/sluice.yaml \
  SLUICE_GRPC_ADDRESS=0.0.0.0 \
  SLUICE_HTTP_ADDRESS=0.0.0.0 \
  SLUICE_CACHE_DIR=/var/cache/sluice \
  ORT_DISABLE_TELEMETRY=1

# The one place that is written to, so that `docker run --read-only` works as it is.
VOLUME ["/var/cache/sluice"]
EXPOSE 8000 8001 8002
# A number, so that Kubernetes' runAsNonRoot can see that it is not root.
USER 65532:65532
WORKDIR /
STOPSIGNAL SIGTERM
# gRPC's own health check of the server as a whole. Elsewhere than on port 8001, or with TLS: SLUICE_ADDRESS, SLUICE_CA, … (sluice health --help).
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["sluice", "health", "--timeout", "3"]
ENTRYPOINT ["sluice"]
CMD ["serve"]
