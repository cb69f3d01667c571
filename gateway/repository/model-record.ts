import type { VersionStatus } from '../core/catalog.js';
import { GatewayError, quote } from '../core/error.js';
import { chooseVersion } from './choose-version.js';
import type { EffectiveConfiguration } from './effective-configuration.js';
import type { FoundModel, Problem } from './found.js';
import { parseVersion } from './names.js';
import { type Action, nextAction } from './next-action.js';
import { VersionEntry } from './version-entry.js';
import { applyPolicy, describePolicy } from './version-policy.js';

/** When to ask again for a version that is on its way. */
const LOADING_RETRY_AFTER_MS = 1000;

/** A model in the registry: its versions, which of them are wanted, and which can be called. */
export class ModelRecord {
  readonly name: string;
  readonly entries = new Map<number, VersionEntry>();
  #available: readonly number[] = [];
  #aspired: ReadonlySet<number> = new Set();
  #problems: readonly Problem[] = [];
  /** What holds for its next load. */
  effective: EffectiveConfiguration;
  /** Where its label files are; undefined for a single file. */
  directory: string | undefined;

  constructor(name: string, effective: EffectiveConfiguration) {
    this.name = name;
    this.effective = effective;
  }

  /** Versions that can be called now, ascending. */
  get available(): readonly number[] {
    return this.#available;
  }

  /** Whether nothing is known of it any more, so that the name is unknown again. */
  get forgotten(): boolean {
    return this.entries.size === 0 && this.#problems.length === 0;
  }

  wants(version: number): boolean {
    return this.#aspired.has(version);
  }

  /** Takes over what was found now; `found` undefined: the model is gone. */
  aspire(
    found: FoundModel | undefined,
    problems: readonly Problem[],
    effective: EffectiveConfiguration,
  ): void {
    this.effective = effective;
    this.directory = found?.directory;
    const policy = effective.configuration.versionPolicy;
    const versions = found?.versions ?? [];
    const { aspired, missing } = applyPolicy(
      versions.map(({ version }) => version),
      policy,
    );
    const unfound = new Set(problems.map(({ version }) => version));
    const reason = `named by the version policy (${describePolicy(policy)}), but not found`;
    this.#problems = [
      ...problems,
      ...(found === undefined ? [] : missing)
        .filter((version) => !unfound.has(version))
        .map((version) => ({ model: this.name, version, reason })),
    ];
    this.#aspired = new Set(aspired);
    for (const entry of this.entries.values()) entry.found = undefined;
    for (const version of versions) {
      const entry = this.entries.get(version.version) ?? new VersionEntry(this.name, version.version);
      entry.found = version;
      this.entries.set(entry.version, entry);
      if (entry.state === 'discovered' || entry.state === 'unloaded')
        entry.reason = this.wants(entry.version)
          ? ''
          : `left out by the version policy (${describePolicy(policy)})`;
    }
  }

  next(): Action | undefined {
    const aspired = [];
    for (const version of this.#aspired) {
      const found = this.entries.get(version)?.found;
      if (found !== undefined) aspired.push(found);
    }
    return nextAction(aspired, [...this.entries.values()]);
  }

  /** Drops versions that are neither found nor loaded. */
  prune(): void {
    for (const { version, found, state } of this.entries.values())
      if (found === undefined && (state === 'discovered' || state === 'unloaded'))
        this.entries.delete(version);
  }

  /** Recomputes what can be called; returns whether the model's readiness has flipped. */
  refresh(): boolean {
    const before = this.#available.length > 0;
    this.#available = [...this.entries.values()]
      .filter(({ state }) => state === 'available')
      .map(({ version }) => version)
      .sort((a, b) => a - b);
    return before !== this.#available.length > 0;
  }

  /** Every version and problem, by version; a version that is there says more than a problem of the same number. */
  statuses(): VersionStatus[] {
    const statuses: VersionStatus[] = [...this.entries.values()].map((entry) => entry.status());
    for (const { model, version, reason } of this.#problems)
      if (!this.entries.has(version)) statuses.push({ model, version, state: 'failed', reason });
    return statuses.sort((a, b) => a.version - b.version);
  }

  /** The available version that this version string asks for; throws a GatewayError that says why there is none. */
  find(versionText: string): VersionEntry {
    const version = versionText === '' ? chooseVersion(this.#available) : parseVersion(versionText);
    if (version === undefined) throw versionText === '' ? this.#noVersion() : badVersion(versionText);
    const entry = this.entries.get(version);
    if (entry?.state === 'available') return entry;
    throw this.#notReady(version);
  }

  #noVersion(): GatewayError {
    const newest = this.statuses()
      .filter(({ version }) => this.wants(version) || !this.entries.has(version))
      .at(-1);
    // Version 0 stands for the model as a whole.
    const subject = newest?.version === 0 ? 'it is ' : `version ${newest?.version} is `;
    const why = newest === undefined ? '' : ` (${subject}${inWords(newest)})`;
    return unavailable(`Request for unknown model: '${this.name}' has no available versions${why}`, newest);
  }

  #notReady(version: number): GatewayError {
    const status = this.statuses().find((candidate) => candidate.version === version);
    const subject = `Request for unknown model: '${this.name}' version ${version}`;
    const leftOut = status?.state === 'discovered' && !this.wants(version);
    if (status === undefined || leftOut) {
      const why = status === undefined ? '' : ` (${status.reason})`;
      return new GatewayError('NOT_FOUND', `${subject} is not found${why}`, {
        reason: 'unknown_model',
        field: 'model_version',
      });
    }
    return unavailable(`${subject} is not at ready state (it is ${inWords(status)})`, status);
  }
}

function inWords({ state, reason }: VersionStatus): string {
  return reason === '' ? state : `${state}: ${reason}`;
}

/** UNAVAILABLE; worth asking again soon only while the version is on its way. */
function unavailable(message: string, status: VersionStatus | undefined): GatewayError {
  const onItsWay = ['discovered', 'loading', 'warming'].includes(status?.state ?? '');
  return new GatewayError('UNAVAILABLE', message, {
    reason: 'unknown_model',
    ...(onItsWay && { retryAfterMs: LOADING_RETRY_AFTER_MS }),
  });
}

function badVersion(text: string): GatewayError {
  const message =
    `failed to get model version from specified version string ${quote(text)} ` +
    '(details: not a positive decimal integer up to 2^53 - 1), version should be an integral value > 0';
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'model_version' });
}
