import { fastify } from 'fastify';

/**
 * The baseline of HTTP, in a process of its own: a bare Fastify that gives each body back, JSON parsed and written again, bytes as they
 * are. Prints its port as a line of JSON; ends with its parent.
 */
const app = fastify({ bodyLimit: 64 * 1024 * 1024 });
app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);
app.post('/v2/models/:model/infer', (request, reply) => reply.send(request.body));
await app.listen({ host: '127.0.0.1', port: 0 });
const address = app.server.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;
process.stdout.write(`${JSON.stringify({ port })}\n`);
process.stdin.resume().on('end', () => process.exit(0));
