/** Requests over HTTP as a test makes them: whole bodies in, status, headers and body out. */
import { once } from 'node:events';
import { type Agent, type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The body as JSON. */
  json<T = Record<string, unknown>>(): T;
}

export interface HttpAsk {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

/** Asks once. A body makes it a POST; an object is sent as JSON. */
export async function ask(
  port: number,
  path: string,
  body?: string | Uint8Array | object,
  { method = body === undefined ? 'GET' : 'POST', headers = {}, agent }: HttpAsk = {},
): Promise<HttpAnswer> {
  const bytes = typeof body === 'object' && !(body instanceof Uint8Array) ? JSON.stringify(body) : body;
  const sent = request({
    port,
    host: '127.0.0.1',
    path,
    method,
    headers: { ...headers },
    ...(agent && { agent }),
  });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  // A refusal may come, and the connection go, before all is written.
  sent.on('error', () => {});
  sent.end(bytes);
  const [response] = await answered;
  const whole = await buffer(response);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: whole,
    json: <T>() => JSON.parse(whole.toString('utf8')) as T,
  };
}
