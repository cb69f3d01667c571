/** Changes to a served repository, and a load that holds every answer against what may be served. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { createClient } from '../../client/client.js';

/** Puts a file in place in one step, by renaming it from a hidden directory of the repository. */
export function putFile(repository: string, path: string, content: Uint8Array | string): void {
  const hidden = join(repository, '.incoming');
  mkdirSync(dirname(hidden), { recursive: true });
  writeFileSync(hidden, content);
  mkdirSync(dirname(join(repository, path)), { recursive: true });
  renameSync(hidden, join(repository, path));
}

/** Puts a whole version in place in one step. */
export function putVersion(repository: string, path: string, content: Uint8Array): void {
  const hidden = join(repository, '.incoming-version');
  rmSync(hidden, { recursive: true, force: true });
  mkdirSync(hidden);
  writeFileSync(join(hidden, 'model.onnx'), content);
  renameSync(hidden, join(repository, path));
}

/** What a load has come to. */
export interface VerifiedLoad {
  readonly answered: number;
  readonly failures: readonly string[];
  /** What the latest answer added. */
  readonly latest: number;
  /** Amounts that may be served now, of a version: the test says so before it publishes one. */
  allow(version: number, amount: number): void;
  /** From now on no call that begins may be answered with this one. */
  forbid(version: number, amount: number): void;
  stop(): Promise<void>;
}

/**
 * Calls an `addModel` all the time, without a version on some lanes and by number on `asked`, and checks that each answer is of
 * an amount that the version which it names may have.
 */
export function verifiedLoad(
  t: TestContext,
  address: string,
  model: string,
  asked: string[] = [],
): VerifiedLoad {
  const client = createClient({ address });
  /** `version amount`, and until when a call may begin that gets it. */
  const allowed = new Map<string, number>();
  const state = { answered: 0, failures: [] as string[], latest: Number.NaN };
  let running = true;
  const lane = async (version: string): Promise<void> => {
    const options = version === '' ? {} : { version };
    const target = client.model(model, options);
    for (let i = 0; running; i++) {
      try {
        const x = i % 1000;
        const begun = performance.now();
        const { outputs, version: told } = await target.predict(
          { X: [[x, x, x, x]] },
          { deadlineMs: 20_000 },
        );
        const rows = Object.values(outputs)[0]?.data as number[][] | undefined;
        const amount = (rows?.[0]?.[0] ?? Number.NaN) - x;
        if (version !== '' && told !== version) state.failures.push(`asked ${version}, got ${told}`);
        if (begun > (allowed.get(`${told} ${amount}`) ?? -1))
          state.failures.push(`version ${told} added ${amount}`);
        state.answered++;
        if (version === '') state.latest = amount;
      } catch (error) {
        state.failures.push(`${version}: ${(error as Error).message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const lanes = ['', '', ...asked].map(lane);
  const stop = async (): Promise<void> => {
    running = false;
    await Promise.all(lanes);
    client.close();
  };
  t.after(stop);
  return {
    get answered() {
      return state.answered;
    },
    get failures() {
      return state.failures;
    },
    get latest() {
      return state.latest;
    },
    allow: (version, amount) => void allowed.set(`${version} ${amount}`, Number.POSITIVE_INFINITY),
    forbid: (version, amount) => void allowed.set(`${version} ${amount}`, performance.now()),
    stop,
  };
}

/** Waits until something is so; fails with what is known after 30 s. */
export async function until(is: () => boolean, what: () => string): Promise<void> {
  const end = performance.now() + 30_000;
  while (!is()) {
    assert.ok(performance.now() < end, what());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
