import { ms, number } from '../../bench/report/format.js';
import { printable } from '../io.js';
import type { ServerView, SlotView, VersionView } from '../scrape/view.js';
import { renderTable } from '../table.js';
import type { Frame } from './frame.js';

/** Of what is not bounded by the server's own labels. */
const MAX_REASONS = 5;
const MAX_SLOTS = 16;
const HEADERS = [
  'MODEL',
  'VERSION',
  'STATE',
  'REQ/S',
  'FAILED/S',
  'ROWS/S',
  'P50',
  'P99',
  'QUEUE P99',
  'RUN',
  'ROWS/RUN',
  'WAITING',
  'MEMORY',
];
const RIGHT = new Set([...HEADERS.keys()].filter((column) => column !== 0 && column !== 2));
/** A name may have 200 characters, and the figures are what is looked for. */
const MAX_NAME = 32;

/** A frame as lines, none longer than `columns` and no more than `rows` of them. */
export function topText(frame: Frame, place: string, size: { columns: number; rows: number }): string[] {
  const { view, problem } = frame;
  const lines = [headline(frame, place)];
  if (problem !== undefined)
    lines.push(
      `NO ANSWER for ${seconds(problem.forMs)}: ${oneLine(problem.message)}${view ? '; below is what was' : ''}`,
    );
  if (frame.restarted) lines.push('The server has been started anew: rates come with the next look.');
  if (view !== undefined)
    lines.push(...serverLines(view), '', ...tableLines(view.versions, size.rows - lines.length - 8));
  return lines.slice(0, Math.max(1, size.rows)).map((line) => line.slice(0, Math.max(1, size.columns)));
}

function headline({ at, view }: Frame, place: string): string {
  const time = new Date(at).toISOString().slice(11, 19);
  if (view === undefined) return `sluice top  ${oneLine(place)}  ${time}Z`;
  const since =
    view.startedAt > 0 ? `, since ${new Date(view.startedAt * 1000).toISOString().slice(0, 19)}Z` : '';
  return `sluice ${oneLine(view.release)} at ${oneLine(place)}, ${view.ready ? 'ready' : 'NOT READY'}${since}  ${time}Z`;
}

function serverLines(view: ServerView): string[] {
  const { saturation, slots, loopDelayMs, throttledShare } = view;
  const refused = Object.entries(view.refusedPerSec)
    .slice(0, MAX_REASONS)
    .map(([reason, rate]) => `${oneLine(reason)} ${number(rate)}/s`);
  const inRotation = (slots['ready'] ?? 0) + (slots['busy'] ?? 0);
  const places = Object.entries(slots).map(([state, count]) => `${oneLine(state)} ${count}`);
  const used = Object.entries(saturation).map(([part, share]) => `${oneLine(part)} ${whole(share)}`);
  return [
    `requests  ${number(view.requestsPerSec)}/s, failed ${number(view.failedPerSec)}/s, in flight ${view.callsInFlight}, rows waiting ${view.queuedRows}`,
    `refused   ${refused.length === 0 ? 'none' : refused.join(', ')}`,
    `workers   ${inRotation} of ${view.workersWanted} in rotation (${places.join(', ')})${view.workersLost > 0 ? `, ${view.workersLost} ENDED` : ''}`,
    `slots     ${slotsText(view.places)}`,
    `used      ${used.join(', ')}`,
    `loop      late by p50 ${ms(loopDelayMs.p50)}, p99 ${ms(loopDelayMs.p99)}, most ${ms(loopDelayMs.max)}`,
    `machine   memory ${mib(view.residentBytes)} of ${mib(view.limitBytes)}, CPU held back ${throttledShare === undefined ? '–' : `${whole(throttledShare)} of periods`}`,
  ];
}

/** How busy each slot is, and how often its worker was started anew. */
function slotsText(places: readonly SlotView[]): string {
  const told = places.slice(0, MAX_SLOTS).map(({ crew, slot, busyShare, restarts }) => {
    const name = crew === '' ? slot : `${crew}/${slot}`;
    const busy = busyShare === undefined ? '–' : whole(busyShare);
    return oneLine(`${name} ${busy}${restarts > 0 ? ` (restarts ${restarts})` : ''}`);
  });
  const left = places.length - told.length;
  return `busy ${told.join(', ') || 'none'}${left > 0 ? `, and ${left} more` : ''}`;
}

function tableLines(versions: readonly VersionView[], room: number): string[] {
  // One line is the table's head, and one says what was left out.
  const shown = versions.slice(0, Math.max(0, versions.length <= room - 1 ? versions.length : room - 2));
  const rows = shown.map((of) => [
    of.model.length > MAX_NAME ? `${of.model.slice(0, MAX_NAME - 1)}…` : of.model,
    of.version === '' ? '-' : of.version,
    of.state === '' ? '-' : of.state,
    number(of.requestsPerSec),
    number(of.failedPerSec),
    number(of.rowsPerSec),
    ms(of.p50Ms),
    ms(of.p99Ms),
    ms(of.queueP99Ms),
    ms(of.runMs),
    number(of.rowsPerRun),
    String(of.queuedRows),
    of.memoryBytes === undefined ? '–' : mib(of.memoryBytes),
  ]);
  const left = versions.length - shown.length;
  return [
    ...renderTable(HEADERS, rows, RIGHT).trimEnd().split('\n'),
    ...(left > 0 ? [`… and ${left} more, less busy`] : []),
  ];
}

function whole(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function mib(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(0)} s`;
}

/** What a server says is not trusted with the terminal. */
function oneLine(text: string): string {
  return printable(text).replaceAll(/[\n\t]/g, ' ');
}
