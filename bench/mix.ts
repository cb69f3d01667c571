/** One kind of call among several. */
export interface MixEntry {
  readonly model: string;
  /** `''`: the server chooses. */
  readonly version: string;
  /** Rows of each call; 1 for models that take no batches. */
  readonly rows: number;
  readonly weight: number;
  /** Whether rows were named here, and so are not `--rows`'s. */
  readonly rowsGiven: boolean;
}

/** `iris`, or `iris:rows=8,weight=3,version=2`; undefined when it is not that. */
export function parseMix(text: string): MixEntry | undefined {
  const colon = text.indexOf(':');
  const model = colon < 0 ? text : text.slice(0, colon);
  const settings = new Map<string, string>();
  for (const part of colon < 0 ? [] : text.slice(colon + 1).split(',')) {
    const [, key, value] = /^(rows|weight|version)=(\d+(?:\.\d+)?)$/.exec(part.trim()) ?? [];
    if (key === undefined || value === undefined || settings.has(key)) return undefined;
    settings.set(key, value);
  }
  const rows = Number(settings.get('rows') ?? 1);
  const weight = Number(settings.get('weight') ?? 1);
  const version = settings.get('version') ?? '';
  const sound =
    model !== '' && Number.isSafeInteger(rows) && rows >= 1 && weight > 0 && !version.includes('.');
  return sound ? { model, version, rows, weight, rowsGiven: settings.has('rows') } : undefined;
}
