import type { RunningGateway } from './use-gateway.js';

/** The whole page. */
export async function scrapePage({ httpPort }: Pick<RunningGateway, 'httpPort'>): Promise<string> {
  return (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
}

/** The sum of a metric's series whose line begins so, e.g. `sluice_requests_total{model="iris"`; 0 when there is none. */
export async function scrape(running: RunningGateway, start: string): Promise<number> {
  const text = await scrapePage(running);
  let sum = 0;
  for (const line of text.split('\n'))
    if (line.startsWith(start)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  return sum;
}
