import { type OtelValue, readOtelEnvironment } from './otel-environment.js';
import { didYouMean, show } from './problem.js';
import { NAMED_SETTINGS } from './schema.js';

const PREFIX = 'SLUICE_';
const CONFIG_FILE = 'SLUICE_CONFIG';
/** No settings, but no mistakes either: the other commands of the command line find the server, and its admin listener, and show who they are, by them. */
const OF_CLIENTS = [
  ...['SLUICE_ADDRESS', 'SLUICE_ENDPOINT', 'SLUICE_SERVER_NAME', 'SLUICE_TOKEN', 'SLUICE_TOKEN_FILE'],
  ...['SLUICE_TLS', 'SLUICE_CA', 'SLUICE_CERT', 'SLUICE_KEY'],
];

/** What the environment says. */
export interface EnvironmentValues {
  /** Texts by setting path. */
  readonly given: ReadonlyMap<string, { readonly texts: readonly string[]; readonly source: string }>;
  /** From SLUICE_CONFIG. */
  readonly configFile: string | undefined;
  readonly warnings: readonly string[];
}

/**
 * Kubernetes tells every container of every Service by variables of this kind, so a Service named `sluice` makes
 * SLUICE_SERVICE_HOST and SLUICE_PORT_8001_TCP appear, and one named `sluice-grpc` sets SLUICE_GRPC_PORT itself.
 */
const SERVICE_LINK = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\//;

/** Reads the SLUICE_* variables by the schema. An empty value counts as unset. Never throws. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): EnvironmentValues {
  const given = new Map<string, { texts: readonly string[]; source: string }>();
  const warnings: string[] = [];
  const known = new Set([CONFIG_FILE, ...OF_CLIENTS]);
  for (const { path, env: name, setting } of NAMED_SETTINGS) {
    if (name === undefined) continue;
    known.add(name);
    const value = env[name];
    if (value === undefined || value === '') continue;
    if (SERVICE_LINK.test(name) && SERVICE_LINK_VALUE.test(value)) {
      warnings.push(
        `${name}=${show(value)} is ignored: Kubernetes sets it for a Service of this name; enableServiceLinks: false in the pod ends that`,
      );
      continue;
    }
    const { separator } = setting.spec;
    const texts = separator === undefined ? [value] : value.split(separator).filter((text) => text !== '');
    given.set(path, { texts, source: `environment ${name}` });
  }
  for (const value of readOtelEnvironment(env)) {
    if (given.has(value.path)) continue;
    const texts = textsOf(value);
    if (texts !== undefined) given.set(value.path, { texts, source: `environment ${value.name}` });
    // As OpenTelemetry wants it: a server starts whatever its variables hold.
    else warnings.push(`${value.name}=${show(value.text)} is ignored: wanted ${wantedOf(value.path)}`);
  }
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith(PREFIX) || known.has(name) || SERVICE_LINK.test(name)) continue;
    const hint = didYouMean(name, [...known]);
    // A warning only: what else the environment holds is not always in the hands of who runs the server.
    warnings.push(
      `${name.slice(0, 100)} is no setting and has no effect${hint === undefined ? '' : `. ${hint}`}`,
    );
  }
  return { given, configFile: env[CONFIG_FILE] || undefined, warnings };
}

/** The texts of a setting; undefined where they are not as it wants them. */
function textsOf({ path, text }: OtelValue): readonly string[] | undefined {
  const spec = NAMED_SETTINGS.find((named) => named.path === path)?.setting.spec;
  if (spec === undefined) return undefined;
  const texts = spec.separator === undefined ? [text] : text.split(spec.separator).map((item) => item.trim());
  const filled = texts.filter((item) => item !== '');
  const read = filled.map(spec.fromText);
  return spec.type.safeParse(spec.form === 'list' ? read : read[0]).success ? filled : undefined;
}

function wantedOf(path: string): string {
  return NAMED_SETTINGS.find((named) => named.path === path)?.setting.spec.wanted ?? '';
}
