import { seededRandom } from './random.js';

/** Which template, and which of its bodies, the next call uses. */
export interface Choice {
  template: number;
  body: number;
}

export interface MixOptions {
  /** Of each template: its share of the calls, and how many bodies it has. */
  readonly templates: readonly { readonly weight: number; readonly bodies: number }[];
  readonly seed: number;
  /** Index of the process: processes of one run choose differently. */
  readonly stream: number;
}

/**
 * Chooses templates at random by weight, and each template's bodies in turn. The choice is written into the object that
 * is returned, always the same one.
 */
export function mixChooser({ templates, seed, stream }: MixOptions): () => Choice {
  const random = seededRandom(seed, 0x10000 + stream);
  const sums: number[] = [];
  let total = 0;
  for (const { weight } of templates) {
    total += weight;
    sums.push(total);
  }
  const turns = templates.map(({ bodies }) => stream % bodies);
  const choice: Choice = { template: 0, body: 0 };
  return () => {
    if (sums.length > 1) {
      const mark = random() * total;
      let template = 0;
      while (template < sums.length - 1 && mark >= (sums[template] as number)) template++;
      choice.template = template;
    }
    const turn = turns[choice.template] as number;
    choice.body = turn;
    turns[choice.template] = turn + 1 < (templates[choice.template]?.bodies ?? 1) ? turn + 1 : 0;
    return choice;
  };
}
