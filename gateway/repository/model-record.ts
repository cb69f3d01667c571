import type { VersionStatus } from '../core/catalog.js';
import { GatewayError, quote } from '../core/error.js';
import type { Manifest } from '../core/manifest.js';
import { type Choice, chooseVersion } from './choose-version.js';
import type { EffectiveConfiguration } from './effective-configuration.js';
import type { LoadOutcome } from './explicit-control.js';
import type { FoundModel, FoundVersion, Problem } from './found.js';
import { type LabelDemand, NO_DEMAND } from './labels/aspired-by-labels.js';
import { isLabel } from './labels/label-name.js';
import { signatureDifference } from './labels/signature-difference.js';
import type { HeldCopy } from './memory-budget.js';
import { parseVersion } from './names.js';
import { type Action, nextAction } from './next-action.js';
import { VersionEntry } from './version-entry.js';
import { applyPolicy, describePolicy } from './version-policy.js';

/** Where calls say what is loaded. */
const UNASKED = 'not loaded: RepositoryModelLoad, or --load-model, loads it';

/** When to ask again for a version that is on its way. */
const LOADING_RETRY_AFTER_MS = 1000;

/** A model in the registry: its versions, which of them are wanted, and which can be called. */
export class ModelRecord {
  readonly name: string;
  readonly entries = new Map<number, VersionEntry>();
  #available: readonly number[] = [];
  /** Of those, what a request without version and label may get: see `#choose`. Kept, since every such request asks. */
  #choosable: readonly number[] = [];
  #aspired: ReadonlySet<number> = new Set();
  #demand = NO_DEMAND;
  #problems: readonly Problem[] = [];
  /** False where calls say what is loaded, and none has asked for it: then neither policy nor label does. */
  #asked = true;
  /** Versions that were served before the wanted ones, the latest first: loaded still, and called by number only. */
  #kept: readonly number[] = [];
  /** Of those, what is to go at once: memory is short. */
  readonly #givenUp = new Set<number>();
  readonly #keepPrevious: number;
  /** What holds for its next load. */
  effective: EffectiveConfiguration;
  /** Where its label files are; undefined for a single file. */
  directory: string | undefined;

  /** @param keepPrevious how many former versions stay loaded */
  constructor(name: string, effective: EffectiveConfiguration, keepPrevious = 0) {
    this.name = name;
    this.#keepPrevious = keepPrevious;
    this.effective = effective;
  }

  /** Versions that can be called now, ascending. */
  get available(): readonly number[] {
    return this.#available;
  }

  /** Where its labels lead, and what is loaded for their sake: what is aspired is policy and labels together. */
  get demand(): LabelDemand {
    return this.#demand;
  }

  set demand(demand: LabelDemand) {
    this.#demand = demand;
    this.#choose();
  }

  /** Whether nothing is known of it any more, so that the name is unknown again. */
  get forgotten(): boolean {
    return this.entries.size === 0 && this.#problems.length === 0;
  }

  wants(version: number): boolean {
    return this.#asked && (this.#aspired.has(version) || this.demand.versions.has(version));
  }

  /** Whether nothing of it waits to be loaded or is being loaded. */
  get settled(): boolean {
    // One that is being let go must be gone before it can be loaded again.
    const there = [...this.entries.values()].every(
      ({ version, state, replacing, found }) =>
        !replacing &&
        (found === undefined || !this.wants(version) || state === 'available' || state === 'failed'),
    );
    return there && this.next()?.kind !== 'load';
  }

  /** Takes over what was found now; `found` undefined: the model is gone. */
  aspire(
    found: FoundModel | undefined,
    problems: readonly Problem[],
    effective: EffectiveConfiguration,
  ): void {
    this.effective = effective;
    this.directory = found?.directory;
    this.#asked = found?.unasked !== true;
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
      ...(found === undefined || !this.#asked ? [] : missing)
        .filter((version) => !unfound.has(version))
        .map((version) => ({ model: this.name, version, reason })),
    ];
    const former = this.#aspired;
    this.#aspired = new Set(this.#asked ? aspired : []);
    for (const entry of this.entries.values()) entry.found = this.#inMemory(entry);
    for (const version of versions) {
      const entry = this.entries.get(version.version) ?? new VersionEntry(this.name, version.version);
      entry.found = version;
      this.entries.set(entry.version, entry);
      const leftOut = this.#asked ? `left out by the version policy (${describePolicy(policy)})` : UNASKED;
      if (entry.state === 'discovered' || entry.state === 'unloaded')
        entry.reason = this.wants(entry.version) ? '' : leftOut;
    }
    this.#keep(former);
    this.#choose();
  }

  /** What a label leads to, or was loaded by a call, is not given up because its directory is gone. */
  #inMemory({ version, state, found }: VersionEntry): FoundVersion | undefined {
    const asked = state === 'available' && this.demand.versions.has(version);
    return asked && found !== undefined ? { ...found, flaw: 'its directory is gone' } : undefined;
  }

  /** Of what was wanted until now and served, the latest stay; what is gone from disk cannot be brought back by a worker. */
  #keep(former: ReadonlySet<number>): void {
    const left = [...former].filter((version) => this.entries.get(version)?.state === 'available');
    const latest = [...left.sort((a, b) => b - a), ...this.#kept];
    this.#kept = [...new Set(this.#asked ? latest : [])]
      .filter((version) => !this.wants(version) && this.entries.get(version)?.found !== undefined)
      .slice(0, this.#keepPrevious);
  }

  /** Lets go of a version that is merely kept, whatever is under way. */
  giveUp(version: number): void {
    this.#kept = this.#kept.filter((kept) => kept !== version);
    this.#givenUp.add(version);
  }

  /** What the workers hold of it, and what for, the oldest version first. */
  *copies(): Generator<{ readonly manifest: Manifest; readonly role: HeldCopy['role'] }> {
    const answers = this.#choosable.at(-1);
    const entries = [...this.entries.values()].sort((a, b) => a.version - b.version);
    for (const { version, state, copy, retired } of entries) {
      for (const { manifest } of retired) yield { manifest, role: 'leaving' };
      if (copy === undefined) continue;
      const leaving = state === 'draining' || this.#givenUp.has(version);
      const kept = !this.wants(version) && version !== answers;
      yield { manifest: copy.manifest, role: leaving ? 'leaving' : kept ? 'kept' : 'served' };
    }
  }

  next(): Action | undefined {
    for (const version of this.#givenUp) {
      if (this.entries.get(version)?.state === 'available' && !this.wants(version))
        return { kind: 'unload', version };
      this.#givenUp.delete(version);
    }
    const aspired = [];
    for (const version of this.#asked ? new Set([...this.#aspired, ...this.demand.versions]) : []) {
      const found = this.entries.get(version)?.found;
      if (found !== undefined) aspired.push(found);
    }
    return nextAction(aspired, [...this.entries.values()], new Set(this.#kept));
  }

  /** How the last load of each wanted version ended. */
  outcomes(): LoadOutcome[] {
    return [...this.entries.values()]
      .filter(({ version }) => this.wants(version))
      .map(({ version, state, failures, reason }) => {
        const failed = state !== 'available' || failures > 0;
        return { version, failure: failed ? reason : undefined };
      });
  }

  /**
   * Throws FAILED_PRECONDITION where new files of a version that a label leads to would change its signature under the callers' hands: that
   * takes a version of its own.
   */
  checkReplacement({ version, copy }: VersionEntry, manifest: Manifest): void {
    const label = [...this.demand.targets].find(([, target]) => target.version === version)?.[0];
    if (copy === undefined || label === undefined) return;
    const difference = signatureDifference(copy.manifest.signature, manifest.signature);
    if (difference === '') return;
    const message = `failed to load '${this.name}' version ${version}: label ${quote(label)} leads to it, and its new files have another signature (${difference}); give them a version of their own`;
    throw new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
  }

  /** Drops versions that are neither found nor loaded. */
  prune(): void {
    for (const { version, found, state, retired } of this.entries.values())
      if (found === undefined && retired.size === 0 && (state === 'discovered' || state === 'unloaded'))
        this.entries.delete(version);
  }

  /** Recomputes what can be called; returns whether the model's readiness has flipped. */
  refresh(): boolean {
    const before = this.#available.length > 0;
    this.#available = [...this.entries.values()]
      .filter(({ state }) => state === 'available')
      .map(({ version }) => version)
      .sort((a, b) => a - b);
    this.#choose();
    return before !== this.#available.length > 0;
  }

  /** Every version and problem, by version; a version that is there says more than a problem of the same number. */
  statuses(): VersionStatus[] {
    const statuses: VersionStatus[] = [...this.entries.values()].map((entry) => this.#status(entry));
    for (const { model, version, reason } of this.#problems)
      if (!this.entries.has(version)) statuses.push({ model, version, state: 'failed', reason });
    return statuses.sort((a, b) => a.version - b.version);
  }

  #status(entry: VersionEntry): VersionStatus {
    const status = entry.status();
    if (status.state === 'unloaded' && !this.#asked) return { ...status, reason: 'unloaded' };
    if (status.state !== 'available' || status.reason !== '') return status;
    const flaw = entry.found?.flaw;
    if (flaw !== undefined) return { ...status, reason: `served from memory: ${flaw}` };
    const kept = this.#kept.includes(entry.version);
    return kept ? { ...status, reason: 'kept: the former version, called by its number only' } : status;
  }

  /**
   * A request without version and label may get the versions of the policy; until one of them is there, what is leaving, and what is
   * there for a label's or a call's sake last.
   */
  #choose(): void {
    const ofPolicy = this.#available.filter((version) => this.#aspired.has(version));
    const leaving = this.#available.filter((version) => !this.wants(version));
    this.#choosable = [ofPolicy, leaving].find(({ length }) => length > 0) ?? this.#available;
  }

  /**
   * The available version that this version string, a number or a label, asks for; throws a GatewayError that says why there
   * is none.
   */
  find(versionText: string): VersionEntry {
    const version = parseVersion(versionText);
    const label = version === undefined && versionText !== '' ? versionText : undefined;
    if (label !== undefined && !isLabel(label)) throw this.#badVersion(label);
    const choice = chooseVersion({ version, label }, this.demand.targets, this.#available, this.#choosable);
    if (choice.kind !== 'version') throw this.#noChoice(choice);
    const entry = this.entries.get(choice.version);
    if (entry?.state === 'available' && this.#asked) return entry;
    throw this.#notReady(choice.version);
  }

  #noChoice(choice: Exclude<Choice, { kind: 'version' }>): GatewayError {
    if (choice.kind === 'none') return this.#noVersion();
    if (choice.kind === 'no_label') return this.#badVersion(choice.label);
    const subject = `Request for unknown model: '${this.name}' label ${quote(choice.label)}`;
    const status = this.statuses().find(({ version }) => version === choice.version);
    const why = status === undefined ? 'which is not in the repository' : `which is ${inWords(status)}`;
    return unavailable(`${subject} waits for version ${choice.version}, ${why}`, status);
  }

  /** In Triton's words where the model has no labels. */
  #badVersion(text: string): GatewayError {
    const names = [...this.demand.targets.keys()].join(', ');
    const nor = names === '' ? '' : `, nor one of the model's labels: ${names}`;
    const message =
      `failed to get model version from specified version string ${quote(text)} ` +
      `(details: not a positive decimal integer up to 2^53 - 1${nor}), version should be an integral value > 0`;
    return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'model_version' });
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
