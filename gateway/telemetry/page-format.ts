/** How the page of metrics may be written: Prometheus' own text, or OpenMetrics, which has exemplars. */
export type PageFormat = 'text' | 'openmetrics';

/** Longer lists of what a client takes are not looked at: no scraper sends one. */
const MAX_ACCEPT_CHARS = 1000;

const OPEN_METRICS = 'application/openmetrics-text';
const TEXT = new Set(['text/plain', 'text/*', '*/*']);

/**
 * What to answer a client that takes this (RFC 9110, 12.5.1): OpenMetrics where its version 1.0.0 is asked for by name and nothing
 * that we have is liked better; else text, even where that is not asked for: a page is more use than an error.
 *
 * @param accept the header; undefined where there is none
 */
export function pageFormat(accept: string | undefined): PageFormat {
  if (accept === undefined || accept.length > MAX_ACCEPT_CHARS) return 'text';
  let open = 0;
  let text = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const version = parameter(parameters, 'version');
    const quality = qualityOf(parameters);
    if (type === OPEN_METRICS && (version === undefined || version === '1.0.0'))
      open = Math.max(open, quality);
    // A newer version of the text is not what we write.
    else if (TEXT.has(type) && (version === undefined || version === '0.0.4')) text = Math.max(text, quality);
  }
  return open > 0 && open >= text ? 'openmetrics' : 'text';
}

/** What follows `name=`. */
function parameter(parameters: readonly string[], name: string): string | undefined {
  return parameters
    .find((text) => text.startsWith(`${name}=`))
    ?.slice(name.length + 1)
    .replace(/^"(.*)"$/, '$1');
}

/** From 0 to 1; what is no number counts as not wanted. */
function qualityOf(parameters: readonly string[]): number {
  const text = parameter(parameters, 'q');
  if (text === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
