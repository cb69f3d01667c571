import type { FastifyInstance } from 'fastify';
import { quote } from '../core/error.js';
import { addResponseHeaders } from './call/answer-headers.js';
import type { HttpCall, HttpCalls } from './call/http-calls.js';
import { HttpFault } from './call/http-fault.js';
import { readBody } from './call/read-body.js';
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
    rest.addContentTypeParser('*', (request, payload, done) => {
      const refused = charsetFault(request.headers['content-type']);
      if (refused !== undefined) done(refused);
      else
        readBody(payload, request.headers['content-encoding'], request.work, maxBodyBytes).then(
          (body) => done(null, body),
          done,
        );
    });
    rest.addHook('onRequest', async (request, reply) => {
      request.work = admit(calls, reply.raw);
    });
    addResponseHeaders(rest);
    addV2Routes(rest, options);
    addV2Infer(rest, options);
    addV1Routes(rest, options);
    addPeopleRoutes(rest, options);
  });
}

function admit(calls: HttpCalls, response: Parameters<HttpCalls['begin']>[0]): HttpCall {
  return calls.begin(response);
}

/** JSON is UTF-8 (RFC 8259), and so is all else that is read here. */
function charsetFault(contentType = ''): HttpFault | undefined {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1];
  if (charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset)) return undefined;
  return new HttpFault(415, `charset ${quote(charset, 40)} is not known: wanted UTF-8`);
}
