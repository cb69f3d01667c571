import type { Found, FoundModel, FoundVersion, Problem } from './found.js';
import { sameFile } from './found.js';

/** What may be loaded by now, and whether something is still on the move. */
export interface SettledFound {
  readonly found: Found;
  /** Whether the two looks differ: another look is due soon. */
  readonly moving: boolean;
}

/**
 * Takes from a look at the repositories what has not changed since the look before: what is still being copied is not loaded,
 * and a hole in the midst of a replacement unloads nothing. Until then, and for as long as what is there cannot be served, all
 * stays as it was taken last (`current`). Only what is gone as a whole, over two looks, is given up: a model's directory, or a
 * version's where the model has others. Pure.
 */
export function settleFound(now: Found, before: Found, current: Found): SettledFound {
  const looks = { now: byName(now), before: byName(before), current: byName(current) };
  const state = new Settling(now, before);
  for (const name of new Set([...looks.now.keys(), ...looks.current.keys(), ...looks.before.keys()])) {
    state.take(looks.now.get(name), looks.before.get(name), looks.current.get(name));
  }
  return state.result();
}

function byName({ models }: Found): Map<string, FoundModel> {
  return new Map(models.map((model) => [model.name, model]));
}

class Settling {
  readonly #now: Found;
  readonly #models: FoundModel[] = [];
  readonly #problems: Problem[] = [];
  readonly #unreadable: ReadonlySet<string>;
  #moving = false;

  constructor(now: Found, before: Found) {
    this.#now = now;
    this.#unreadable = new Set(now.unusable.map(({ repository }) => repository));
    const known = new Set(before.problems.map(problemKey));
    for (const problem of now.problems) {
      if (known.has(problemKey(problem))) this.#problems.push(problem);
      else this.#moving = true;
    }
  }

  result(): SettledFound {
    const { unusable, present } = this.#now;
    const found = { models: this.#models, problems: this.#problems, unusable, ...(present && { present }) };
    return { found, moving: this.#moving };
  }

  take(now: FoundModel | undefined, before: FoundModel | undefined, current: FoundModel | undefined): void {
    if (now !== undefined) this.#takeVersions(now, before, current);
    else if (current !== undefined) this.#missed(current, before);
  }

  /** A model of which nothing usable was found. */
  #missed(current: FoundModel, before: FoundModel | undefined): void {
    const flaw = this.#problemOf(current.name)?.reason ?? this.#absence(current);
    if (flaw !== undefined) this.#models.push(flawed(current, flaw));
    else if (before !== undefined) {
      this.#moving = true;
      this.#models.push(current);
    }
  }

  /** Why a model that is not found is not taken for removed. */
  #absence({ name, repository }: FoundModel): string | undefined {
    if (this.#unreadable.has(repository)) return 'its repository cannot be read';
    return this.#now.present?.has(name) ? 'its directory holds no version any more' : undefined;
  }

  #takeVersions(now: FoundModel, before: FoundModel | undefined, current: FoundModel | undefined): void {
    const versions = new Map<number, FoundVersion>();
    let moving = false;
    for (const found of now.versions) {
      const last = before?.versions.find(({ version }) => version === found.version);
      const stable = last !== undefined && sameFile(last, found);
      const served = current?.versions.find(({ version }) => version === found.version);
      const taken = stable ? found : served;
      if (taken !== undefined) versions.set(found.version, taken);
      if (!stable) moving = true;
    }
    for (const gone of current?.versions ?? []) {
      if (now.versions.some(({ version }) => version === gone.version)) continue;
      const problem = this.#problemOf(now.name, gone.version);
      const recent = before?.versions.some(({ version }) => version === gone.version) ?? false;
      if (problem !== undefined) versions.set(gone.version, { ...gone, flaw: problem.reason });
      else if (recent) versions.set(gone.version, gone);
      // Without another one the last is not given up: nothing is unloaded before its successor is there.
      else if (versions.size === 0) versions.set(gone.version, { ...gone, flaw: 'its directory is gone' });
      if (recent) moving = true;
    }
    if (moving) this.#moving = true;
    const ascending = [...versions.values()].sort((a, b) => a.version - b.version);
    // With files on the move, config.pbtxt may be one of them.
    const base = moving && current !== undefined ? current : now;
    if (ascending.length > 0) this.#models.push({ ...base, versions: ascending });
  }

  #problemOf(model: string, version?: number): Problem | undefined {
    return this.#now.problems.find(
      (problem) => problem.model === model && (version === undefined || problem.version === version),
    );
  }
}

function problemKey({ model, version, reason }: Problem): string {
  return `${model}/${version} ${reason}`;
}

function flawed(model: FoundModel, flaw: string): FoundModel {
  return { ...model, versions: model.versions.map((version) => ({ ...version, flaw })) };
}
