import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../gateway/config/load.js';
import { ConfigError } from '../../../gateway/config/problem.js';

/** What is wrong, or else the warnings. */
function check(...argv: string[]): string[] {
  try {
    return [...loadConfig({ env: {}, cwd: '/', argv }).warnings];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ path, message }) => `fault: ${path}: ${message}`);
  }
}

const TOKENS = '--auth-tokens-file=/t';
const TLS = ['--tls-cert-file=/c', '--tls-key-file=/k'];
const EVERYWHERE = '--grpc-address=0.0.0.0';

test('tokens are not taken where a network can read them, unless somebody says that something in front encrypts', () => {
  assert.deepEqual(check(TOKENS), [], 'on loopback');
  assert.match(
    check(TOKENS, EVERYWHERE).join(),
    /^fault: auth\.tokensFile and grpc\.address: .*--auth-allow-plaintext/,
  );
  assert.match(check(TOKENS, '--http-address=::').join(), /^fault: auth\.tokensFile and http\.address: /);
  assert.match(check(TOKENS, '--admin-address=10.0.0.1').join(), /^fault: .*admin\.address: /);
  assert.deepEqual(check(TOKENS, EVERYWHERE, '--auth-allow-plaintext'), []);
  assert.deepEqual(check(TOKENS, EVERYWHERE, ...TLS), []);
  assert.match(
    check(TOKENS, '--http-address=::', ...TLS, '--tls-http=false').join(),
    /^tokens for HTTP travel unencrypted/,
  );
});

test('a control plane that is open to a network with nobody asked who they are is told of', () => {
  assert.match(check('--admin-address=0.0.0.0').join(), /whoever reaches this server .*\(admin\.address\)/);
  assert.match(check('--allow-admin-on-grpc', EVERYWHERE).join(), /\(grpc\.address with admin\.openOnGrpc\)/);
  assert.deepEqual(check('--allow-admin-on-grpc'), []);
  assert.deepEqual(check('--admin-address=unix:/run/admin.sock'), []);
  assert.deepEqual(check('--allow-admin-on-grpc', EVERYWHERE, ...TLS, '--tls-client-ca-file=/a'), []);
  assert.deepEqual(check('--allow-admin-on-grpc', EVERYWHERE, ...TLS, TOKENS), []);
});

test('encryption that was asked for by half is a fault, under the names of Triton too', () => {
  assert.match(check('--tls-cert-file=/c').join(), /^fault: .*tls\.keyFile is missing/);
  assert.match(check('--grpc-server-key=/k').join(), /^fault: .*tls\.certFile is missing/);
  assert.match(check('--grpc-use-ssl=true').join(), /^fault: tls\.required: tls\.certFile is missing/);
  assert.match(check('--grpc-use-ssl-mutual=true', ...TLS).join(), /any client would be let in/);
  assert.match(check('--tls-client-ca-file=/a').join(), /without TLS no client is asked/);
  const triton = ['--grpc-use-ssl=true', '--grpc-server-cert=/c', '--grpc-server-key=/k'];
  assert.deepEqual(check(...triton, '--grpc-use-ssl-mutual=true', '--grpc-root-cert=/a'), []);
});
