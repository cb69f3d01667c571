/** Reads what documents tell people to type, so that tests can do it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY_ROOT } from './use-gateway.js';

/** A document of this checkout. */
export function readDocument(path: string): string {
  return readFileSync(join(REPOSITORY_ROOT, path), 'utf8');
}

/** The fenced code blocks of one language (`''`: those without one), in order. */
export function codeBlocks(page: string, language: string): string[] {
  return [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] as string);
}

/** Words of a shell command line: quotes are honoured, nothing is expanded. */
export function shellWords(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
  );
}

/** A call that a document shows as a grpcurl line: method path and body. */
export interface GrpcurlCall {
  /** `package.Service/Method`. */
  readonly method: string;
  readonly body: Record<string, unknown>;
}

/** The calls among a page's grpcurl lines; `list` and `describe` are none. */
export function grpcurlCalls(page: string): GrpcurlCall[] {
  const lines = page.matchAll(
    /grpcurl ((?:-plaintext|-max-time \d+|-d '[^']*'|\s)+)localhost:8001 ([\w.]+\/\w+)/g,
  );
  return [...lines].map(([, flags = '', method = '']) => {
    const [, body = '{}'] = /-d '([^']*)'/.exec(flags) ?? [];
    return { method, body: JSON.parse(body) as Record<string, unknown> };
  });
}

/** Targets of the links that stay in the checkout, without their fragments. */
export function localLinks(page: string): string[] {
  return [...page.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => (match[1] as string).replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^\w+:/.test(target));
}
