import { wantedVersion } from '../../core/wanted-version.js';
import { JSON_LENGTH_HEADER, serverTiming } from '../call/answer-headers.js';
import { inferCallOf, metadataOf } from '../call/call-context.js';
import type { HttpExchange } from '../call/exchange.js';
import type { RestOptions } from '../rest-options.js';
import { jsonLength } from './binary-part.js';
import { inferAnswer } from './infer-answer.js';
import { readInferRequest, type V2Request } from './infer-request.js';
import { readRawRequest } from './raw-request.js';

/** What a path of the protocol names; `''` for no version. */
export interface V2Target {
  readonly model: string;
  readonly version: string;
}

/** An answer that is yet to be sent. */
export interface V2Answered {
  readonly headers: Record<string, string>;
  readonly body: string | Buffer;
}

const JSON_TYPE = 'application/json; charset=utf-8';

function readRequest(
  { headers }: HttpExchange,
  { model, version }: V2Target,
  body: Buffer,
  { catalog }: RestOptions,
): V2Request {
  const header = headers[JSON_LENGTH_HEADER];
  const length = jsonLength(typeof header === 'string' ? header : undefined, body.length);
  if (length > 0 || header === undefined) return readInferRequest(body, length);
  const wanted = wantedVersion(version, metadataOf(headers));
  return readRawRequest(body, catalog.describe(model, wanted));
}

/** Runs what the body of an infer request asks for, tensors as JSON or behind it. Rejects with a GatewayError. */
export async function inferV2(
  exchange: HttpExchange,
  { model, version }: V2Target,
  body: Buffer,
  options: RestOptions,
): Promise<V2Answered> {
  const wanted = readRequest(exchange, { model, version }, body, options);
  const { id, inputs, outputs, parameters, classifications, binary, allBinary } = wanted;
  const call = inferCallOf(
    exchange,
    { model, version, id, inputs, outputs, parameters, classifications, messageBytes: body.length },
    options,
  );
  const result = await options.infer(call);
  const answer = inferAnswer(
    // An id that came in a header goes back in one.
    id === undefined ? { ...result, id: '' } : result,
    (output) => binary.get(output) ?? allBinary,
    options.style,
  );
  result.release?.();
  const { jsonBytes } = answer;
  const headers: Record<string, string> =
    jsonBytes === undefined
      ? { 'content-type': JSON_TYPE }
      : { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: String(jsonBytes) };
  const timing = serverTiming(exchange.headers, result.timing);
  if (timing !== undefined) headers['server-timing'] = timing;
  return { headers, body: answer.body };
}
