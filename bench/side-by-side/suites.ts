import type { BenchCase, Effort } from './bench.js';
import { iris, irisConnections, megabyte } from './cases/against-echo.js';
import { alone, memory } from './cases/alone.js';
import { convolutions, heavy, small } from './cases/compute.js';
import { http } from './cases/http.js';
import { isolation } from './cases/isolation.js';
import { metrics } from './cases/metrics.js';
import { bigMlp, bigMlpFifo, waiting, waitingFifo } from './cases/overload.js';
import { peers } from './cases/peers.js';
import { predict } from './cases/predict.js';
import { refusals } from './cases/refusals.js';
import { contents, sizes } from './cases/sizes.js';
import { staticConvolutions, staticHeavy, staticIris, staticSmall } from './cases/static.js';
import { OVERLOAD_PAGE, type PageText, PEERS_PAGE, SIDE_BY_SIDE_PAGE, STATIC_PAGE } from './pages.js';

/** Benchmarks that are run together and share a page. */
export interface Suite {
  /** On the command line, after `npm run bench --`; empty: the one that is run when none is named. */
  readonly name: string;
  /** For people, one line. */
  readonly about: string;
  readonly cases: readonly BenchCase[];
  readonly full: Effort;
  /** A smoke test, whose figures mean little. */
  readonly quick: Effort;
  readonly page: PageText;
}

/** Compiled code and heap have settled after some 50,000 calls. */
const FULL: Effort = {
  rounds: 7,
  measureMs: 3000,
  warmupMs: 12_000,
  warmupCalls: 50_000,
  memoryCalls: [100_000, 1_000_000],
};
const QUICK: Effort = {
  rounds: 1,
  measureMs: 700,
  warmupMs: 700,
  warmupCalls: 5_000,
  memoryCalls: [2_000, 10_000],
};

export const SUITES: readonly Suite[] = [
  {
    name: '',
    about: 'against bare baselines; the quick form takes under 3 minutes',
    cases: [
      iris,
      irisConnections,
      alone,
      refusals,
      megabyte,
      contents,
      sizes,
      predict,
      metrics,
      http,
      heavy,
      isolation,
      small,
      convolutions,
      memory,
    ],
    full: FULL,
    quick: QUICK,
    page: SIDE_BY_SIDE_PAGE,
  },
  {
    name: 'overload',
    about: 'more load than the server can carry, about 10 minutes; the quick form about 2',
    cases: [waiting, waitingFifo, bigMlp, bigMlpFifo],
    full: { ...FULL, rounds: 1, measureMs: 8000, warmupMs: 2000 },
    quick: { ...QUICK, warmupMs: 400 },
    page: OVERLOAD_PAGE,
  },
  {
    name: 'static',
    about: 'no configuration against the best static one, about 12 minutes; the quick form about 2',
    cases: [staticIris, staticSmall, staticConvolutions, staticHeavy],
    full: { ...FULL, rounds: 3, measureMs: 1500, warmupMs: 2500, warmupCalls: 40_000 },
    quick: { ...QUICK, measureMs: 400, narrow: true },
    page: STATIC_PAGE,
  },
  {
    name: 'peers',
    about: 'against Flask and MLServer (npm run bench:peers:setup first), about 4 minutes',
    cases: [peers],
    full: { ...FULL, rounds: 1, measureMs: 3000, warmupMs: 2000 },
    quick: { ...QUICK, measureMs: 500, warmupMs: 300 },
    page: PEERS_PAGE,
  },
];
