import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs } from '../../clock.js';
import { LatencyCounts } from '../../latency-counts.js';
import { seededRandom } from '../../load/random.js';
import { AnswerReader, type HttpAnswer } from './http-answer.js';

/** One HTTP/1.1 request, as bytes, and how an answer is told to be right. */
export interface HttpTarget {
  readonly port: number;
  readonly path: string;
  readonly body: string | Buffer;
  /** @default content-type: application/json */
  readonly headers?: Readonly<Record<string, string>>;
  readonly right: (answer: HttpAnswer) => boolean;
}

/** What a load came to. */
export interface HttpLoadResult {
  readonly ok: number;
  readonly wrong: number;
  readonly durationMs: number;
  /** From the instant at which a call was meant to start to the last byte of its answer. */
  readonly latency: LatencyCounts;
}

/** Of an open loop. */
const MOST_CONNECTIONS = 64;

/** Answers that are still to come after the last call was meant to start are waited for so long. */
const DRAIN_MS = 10_000;

/** Keep-alive connections, one call at a time on each: what HTTP/1.1 clients with a connection pool do. */
class Connections {
  readonly #request: Buffer;
  readonly #sockets: Socket[] = [];
  readonly #idle: Socket[] = [];
  readonly #waiting: number[] = [];
  readonly latency = new LatencyCounts();
  ok = 0;
  wrong = 0;
  open = 0;
  /** Called when an answer has come; @default nothing */
  onAnswer: () => void = () => {};

  /** @param most connections */
  constructor(
    readonly target: HttpTarget,
    readonly most: number,
  ) {
    const { path, body, headers = { 'content-type': 'application/json' } } = target;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    this.#request = Buffer.concat([Buffer.from(head), Buffer.from(body)]);
  }

  /** A call that was meant to start at `atMs`; when every connection is busy it waits for one, and that is latency. */
  start(atMs: number): void {
    this.open++;
    const socket = this.#idle.pop() ?? this.#another();
    if (socket === undefined) this.#waiting.push(atMs);
    else this.#send(socket, atMs);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Opened when there is something to send: a server of threads gives one to each connection that says nothing. */
  #another(): Socket | undefined {
    if (this.#sockets.length === this.most) return undefined;
    const socket = connect({ port: this.target.port, host: '127.0.0.1', noDelay: true });
    // Its call stays open, and counts as wrong.
    socket.on('error', () => {});
    this.#sockets.push(socket);
    return socket;
  }

  #send(socket: Socket, atMs: number): void {
    const reader = new AnswerReader();
    const onData = (chunk: Buffer): void => {
      const answer = reader.push(chunk);
      if (answer === undefined) return;
      socket.off('data', onData);
      this.#answered(socket, atMs, answer);
    };
    socket.on('data', onData);
    socket.write(this.#request);
  }

  #answered(socket: Socket, atMs: number, answer: HttpAnswer): void {
    this.open--;
    if (this.target.right(answer)) this.ok++;
    else this.wrong++;
    this.latency.record(monotonicMs() - atMs);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#send(socket, next);
    else this.#idle.push(socket);
    this.onAnswer();
  }
}

/** So many calls are always open, for so long: throughput at saturation. */
export async function closedHttp(
  target: HttpTarget,
  concurrency: number,
  durationMs: number,
): Promise<HttpLoadResult> {
  const connections = new Connections(target, concurrency);
  const startedAt = monotonicMs();
  const until = startedAt + durationMs;
  connections.onAnswer = () => {
    if (monotonicMs() < until) connections.start(monotonicMs());
  };
  for (let i = 0; i < concurrency; i++) connections.start(monotonicMs());
  return finish(connections, startedAt, until);
}

/** Poisson arrivals, whatever the answers do: latency at a load. */
export async function openHttp(
  target: HttpTarget,
  ratePerS: number,
  durationMs: number,
): Promise<HttpLoadResult> {
  const connections = new Connections(target, MOST_CONNECTIONS);
  const random = seededRandom(3);
  const startedAt = monotonicMs();
  const until = startedAt + durationMs;
  const gapMs = (): number => (-Math.log(1 - random()) * 1000) / ratePerS;
  for (let due = startedAt + gapMs(); due < until; due += gapMs()) {
    while (monotonicMs() < due) await nextTurn();
    connections.start(due);
  }
  return finish(connections, startedAt, until);
}

async function finish(connections: Connections, startedAt: number, until: number): Promise<HttpLoadResult> {
  while (monotonicMs() < until || (connections.open > 0 && monotonicMs() < until + DRAIN_MS))
    await nextTurn();
  connections.close();
  const { ok, wrong, open, latency } = connections;
  return { ok, wrong: wrong + open, durationMs: monotonicMs() - startedAt, latency };
}
