import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SameSite } from '../../../gateway/http/same-site.js';

type Row = readonly [host: string | undefined, origin: string | undefined, status: number | undefined];

function check(site: SameSite, rows: readonly Row[]): void {
  for (const [host, origin, status] of rows)
    assert.equal(site.check({ host, origin })?.status, status, `${host} ${origin}`);
}

test('on loopback only its own names are good, whatever leads here', () => {
  const site = new SameSite({ host: '127.0.0.1', allowedHosts: ['Gateway.internal'] });
  check(site, [
    [undefined, undefined, undefined],
    ['localhost:8000', undefined, undefined],
    ['LOCALHOST.', undefined, undefined],
    ['127.0.0.1:8000', undefined, undefined],
    ['[::1]:8000', undefined, undefined],
    ['gateway.internal:8000', undefined, undefined],
    ['rebound.example:8000', undefined, 421],
    ['127.0.0.1.example', undefined, 421],
    ['localhost@evil.example', undefined, 421],
    ['10.0.0.1', undefined, 421],
    ['', undefined, 421],
  ]);
});

test('elsewhere any name is good until some are named; addresses always are, since nobody can make them lead here', () => {
  check(new SameSite({ host: '0.0.0.0' }), [['anything.example', undefined, undefined]]);
  check(new SameSite({ host: '0.0.0.0', allowedHosts: ['models.example'] }), [
    ['models.example', undefined, undefined],
    ['10.0.0.1:8000', undefined, undefined],
    ['[fd00::1]:8000', undefined, undefined],
    ['other.example', undefined, 421],
  ]);
});

test('pages of another origin are refused, its own and those that are named are not', () => {
  const site = new SameSite({ host: '0.0.0.0', allowedOrigins: ['https://ui.example'] });
  check(site, [
    ['a.example:8000', 'http://a.example:8000', undefined],
    ['a.example', 'https://a.example:443', undefined],
    ['a.example', 'https://UI.example', undefined],
    ['a.example', 'http://ui.example', 403],
    ['a.example:8000', 'http://a.example', 403],
    ['a.example', 'null', 403],
    ['a.example', 'file://', 403],
    ['a.example', 'http://evil.example', 403],
    [undefined, 'http://evil.example', 403],
  ]);
});
