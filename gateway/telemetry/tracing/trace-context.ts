/** Which trace a call belongs to, as its client's headers say. */
export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** Of the client's span: 16 hex digits, not all zero. */
  readonly spanId: string;
  /** Whether the client's span is recorded. */
  readonly sampled: boolean;
  /** To be passed on as it came; `''` for none. */
  readonly state: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);

/** What W3C's Trace Context wants to be passed on at least. A longer list is dropped: it is another system's, and optional. */
const MAX_STATE_CHARS = 512;
const MAX_STATE_MEMBERS = 32;
const STATE_MEMBER =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * Reads what `traceparent` and `tracestate` say (www.w3.org/TR/trace-context), or else gRPC's older `grpc-trace-bin`. Undefined
 * where there is neither, and where it is malformed or given twice: the call begins a trace of its own. Never throws.
 *
 * @param fields names, in lower case, and values in turn
 */
export function readTraceContext(fields: readonly string[]): TraceContext | undefined {
  let parent: string | undefined;
  let binary: string | undefined;
  let state = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1] as string;
    if (name === 'traceparent') {
      if (parent !== undefined) return undefined;
      parent = value;
    } else if (name === 'tracestate') state = state === '' ? value : `${state},${value}`;
    else if (name === 'grpc-trace-bin') binary = value;
  }
  if (parent !== undefined) return readTraceparent(parent, state);
  return binary === undefined ? undefined : readTraceBin(binary);
}

function readTraceparent(text: string, state: string): TraceContext | undefined {
  const match = TRACEPARENT.exec(text);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, more] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  // A later version may say more behind a dash; the first one says nothing there, and ff is none.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (traceId === ZERO_TRACE || spanId === ZERO_SPAN) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, state: readState(state) };
}

/** A list that is not as it should be is dropped as a whole; the parent stands. */
function readState(text: string): string {
  if (text === '') return '';
  const members = text.split(',', MAX_STATE_MEMBERS + 1).map((member) => member.trim());
  const given = members.filter((member) => member !== '');
  if (given.length > MAX_STATE_MEMBERS || !given.every((member) => STATE_MEMBER.test(member))) return '';
  const joined = given.join(',');
  return joined.length > MAX_STATE_CHARS ? '' : joined;
}

/** Version, then fields, each a number and as many bytes as it has: trace id, span id, options. */
const BINARY_BYTES = 29;

/** The form of OpenCensus (github.com/census-instrumentation/opencensus-specs, encodings/BinaryEncoding.md). */
function readTraceBin(text: string): TraceContext | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < BINARY_BYTES || bytes[0] !== 0) return undefined;
  if (bytes[1] !== 0 || bytes[18] !== 1 || bytes[27] !== 2) return undefined;
  const traceId = bytes.toString('hex', 2, 18);
  const spanId = bytes.toString('hex', 19, 27);
  if (traceId === ZERO_TRACE || spanId === ZERO_SPAN) return undefined;
  return { traceId, spanId, sampled: ((bytes[28] as number) & 1) === 1, state: '' };
}
