import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ClientOptions } from '../../client/options.js';
import { CliError, EXIT } from '../exit-code.js';
import { type Page, parsePage } from './page.js';

/** Where metrics are, and how to ask for them. */
export interface ScrapeTarget {
  readonly url: URL;
  readonly timeoutMs: number;
  readonly security: Pick<ClientOptions, 'tls' | 'token'>;
  /** Name in the server's certificate, where it is not the address's. */
  readonly serverName?: string | undefined;
}

/** A page of 200 models takes 4 MB. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Fetches a server's metrics. Rejects with a CliError: 69 where nobody answers, 1 where it answers something else than metrics; with
 * the signal's reason where it was aborted.
 */
export async function fetchPage(target: ScrapeTarget, signal?: AbortSignal): Promise<Page> {
  return parsePage(await fetchText(target, signal));
}

/** Likewise whatever is at the place. */
export async function fetchText(target: ScrapeTarget, signal?: AbortSignal): Promise<string> {
  const { url } = target;
  const { status, body } = await get(target, signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw unreachable(url, error);
  });
  if (status === 200) return body;
  const hints: Readonly<Record<number, string>> = {
    401: '--token-file names a file that holds a token; SLUICE_TOKEN is one.',
    403: 'Its token needs the role read.',
    404: 'Are metrics switched off there (metrics.enabled)? --metrics names another place.',
    421: 'The server does not know itself by this name: http.allowedHosts.',
  };
  const said = body.slice(0, 200);
  throw new CliError(
    EXIT.failed,
    'METRICS',
    `Nothing to be read at ${url.href}: HTTP ${status}${said === '' ? '' : `, ${said}`}`,
    hints[status],
  );
}

function unreachable(url: URL, error: unknown): CliError {
  const { code, message } = error as NodeJS.ErrnoException;
  // A host with several addresses that all fail has no message of its own.
  const why = message || code || 'unknown error';
  return new CliError(
    EXIT.unreachable,
    'UNAVAILABLE',
    `Cannot reach ${url.href}: ${why}`,
    'Is the server running there? `sluice serve <model repository>` starts one; --metrics names another.',
  );
}

function get(
  target: ScrapeTarget,
  signal: AbortSignal | undefined,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const sent = requestOf(target, signal, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) sent.destroy(new Error(`it answers more than ${MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
      response.once('error', reject);
    });
    // From the first byte to the last: a server that trickles is not waited for.
    const timer = setTimeout(
      () => sent.destroy(new Error(`no answer within ${target.timeoutMs} ms`)),
      target.timeoutMs,
    );
    sent.once('error', reject);
    sent.once('close', () => clearTimeout(timer));
    sent.end();
  });
}

function requestOf(
  { url, security: { tls, token }, serverName }: ScrapeTarget,
  signal: AbortSignal | undefined,
  onResponse: (response: import('node:http').IncomingMessage) => void,
) {
  const secret = typeof token === 'function' ? token() : token;
  const options: RequestOptions = {
    // A connection each: between two looks a server may go, and come back as another.
    agent: false,
    headers: {
      accept: 'text/plain;version=0.0.4',
      ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
    },
    ...(signal !== undefined && { signal }),
  };
  if (url.protocol !== 'https:') return httpRequest(url, options, onResponse);
  const files = typeof tls === 'object' ? tls : {};
  const named = serverName === undefined ? {} : { servername: serverName };
  return httpsRequest(url, { ...options, ...files, ...named }, onResponse);
}
