import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { DEFAULT_ADMIN_ADDRESS } from '../../client/admin.js';
import type { CommandContext, Finish } from '../command-context.js';
import { doctorText } from '../doctor/doctor-text.js';
import { examine } from '../doctor/examine.js';
import { EXIT } from '../exit-code.js';
import { helpFooter } from '../help.js';
import { type ScrapeOptions, secondsWithin, targetOf, withScrapeOptions } from '../scrape/options.js';

interface DoctorOptions extends ScrapeOptions {
  readonly endpoint: string;
  /** Seconds. */
  readonly over: number;
}

/** `sluice doctor`: what is the matter with a server, and what to do first. */
export function addDoctorCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('doctor')
    .summary('tell what is the matter with a server, and what to do first')
    .description(
      'Looks at a server twice and ranks what is likely to be the matter, with what was seen and the next command. Changes nothing. Exits 0 where nothing stands out, 1 where something does, 69 where nobody answers.',
    )
    .addOption(
      new Option('--over <seconds>', 'between the two looks').argParser(secondsWithin(0.1, 600)).default(5),
    )
    .addOption(
      new Option('-e, --endpoint <address>', 'its admin listener, which tells who calls')
        .env('SLUICE_ENDPOINT')
        .default(DEFAULT_ADMIN_ADDRESS),
    );
  withScrapeOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice doctor', 'the server on this machine'],
        [
          'sluice doctor --metrics 10.0.0.7:8000 --endpoint 10.0.0.7:8003 --over 30',
          'another one, a longer look',
        ],
        [`sluice doctor --json | jq -r '.findings[0].cause'`, 'for a script'],
      ]),
    )
    .action(async (options: DoctorOptions) => {
      const diagnosis = await examine({
        ...{ target: await targetOf(options), endpoint: options.endpoint, security: options },
        overMs: options.over * 1000,
        sleep: (ms) => delay(ms),
        now: () => performance.now(),
      });
      const { place, seconds, findings, blind } = diagnosis;
      if (options.json) io.out(`${JSON.stringify({ place, seconds, findings, blind })}\n`);
      else io.out(doctorText(diagnosis));
      finish(findings.length === 0 ? EXIT.ok : EXIT.failed);
    });
}
