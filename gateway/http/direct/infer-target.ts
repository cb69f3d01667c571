import type { V2Target } from '../v2/infer.js';

/** What a path asks for, and the route that it belongs to, as traces have it. */
export interface RoutedTarget extends V2Target {
  readonly route: string;
}

/** Names of unreserved characters (RFC 3986), as long as Fastify's router takes: what would have to be decoded is for that. */
const INFER_PATH = /^\/v2\/models\/([\w.~-]{1,256})(?:\/versions\/([\w.~-]{1,256}))?\/infer$/;

/** What a URL asks for if it is that of an infer request and there is nothing odd about it; else undefined. */
export function inferTarget(url: string): RoutedTarget | undefined {
  const match = INFER_PATH.exec(url);
  if (match === null) return undefined;
  const [, model = '', version] = match;
  return version === undefined
    ? { model, version: '', route: '/v2/models/:model/infer' }
    : { model, version, route: '/v2/models/:model/versions/:version/infer' };
}
