import type { FastifyInstance } from 'fastify';
import { addResponseHeaders } from './call/answer-headers.js';
import { charsetFault } from './call/charset.js';
import type { HttpCall } from './call/http-calls.js';
import { readBody } from './call/read-body.js';
import { openApiDocument } from './openapi/document.js';
import { addPeopleRoutes } from './people/routes.js';
import type { RestOptions } from './rest-options.js';
import { addV1Routes } from './v1/routes.js';
import { addV2Infer } from './v2/infer-routes.js';
import { addV2Routes } from './v2/routes.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of routes that do work: what is held for it, and whether its client has left. */
    work: HttpCall;
  }
}

/** The routes that infer, tell of models and control them. Each says what it does by `kind`: see core/access. */
export function addRest(app: FastifyInstance, options: RestOptions): void {
  const { calls, maxBodyBytes } = options;
  app.register(async (rest) => {
    rest.decorateRequest('work', undefined as unknown as HttpCall);
    rest.removeAllContentTypeParsers();
    // The two that nearly all requests have are found without a search; what others mean is for their routes to say.
    for (const type of ['application/json', 'application/octet-stream', '*'])
      rest.addContentTypeParser(type, (request, payload, done) => {
        const { headers, work } = request;
        const refused = charsetFault(headers['content-type']);
        if (refused !== undefined) done(refused);
        else readBody(payload, headers['content-encoding'], work, maxBodyBytes, done);
      });
    rest.addHook('onRequest', (request, reply, done) => {
      try {
        request.work = calls.begin(reply.raw);
        done();
      } catch (error) {
        done(error as Error);
      }
    });
    addResponseHeaders(rest);
    rest.get('/openapi.json', { config: { kind: 'reads' } }, () => openApiDocument(options.release));
    addV2Routes(rest, options);
    addV2Infer(rest, options);
    addV1Routes(rest, options);
    addPeopleRoutes(rest, options);
  });
}
