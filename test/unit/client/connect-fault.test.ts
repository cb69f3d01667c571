import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainFault } from '../../../client/connect-fault.js';

test('what OpenSSL, Node and grpc-js say of a handshake, in words that say what to do', () => {
  const rows: readonly (readonly ['plain' | 'tls', string, RegExp])[] = [
    ['plain', 'Failed to connect (2026-01-01T00:00:00.000Z)', /it may want TLS .*--tls/],
    ['plain', 'read ECONNRESET', /it may want TLS/],
    ['plain', 'connect ECONNREFUSED 127.0.0.1:1', /^connect ECONNREFUSED 127\.0\.0\.1:1$/],
    ['tls', 'connect ECONNREFUSED 127.0.0.1:1', /^connect ECONNREFUSED/],
    [
      'tls',
      '80:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:x.c:1:\n',
      /speaks plain text/,
    ],
    ['tls', 'unable to verify the first certificate', /no authority that is known here .*--ca/],
    ['tls', 'self-signed certificate in certificate chain', /no authority that is known here/],
    [
      'tls',
      "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: Host: b. is not in the cert's altnames: DNS:a",
      /for another name .*--server-name.*: DNS:a$/,
    ],
    ['tls', 'tlsv13 alert certificate required:x', /wants a certificate of its clients/],
    ['tls', 'tlsv1 alert unknown ca:x', /does not take this client's certificate .*: unknown ca$/],
    ['tls', 'certificate has expired', /^the server's certificate has expired$/],
    ['tls', 'Failed to connect (x)', /TLS handshake/],
  ];
  for (const [secured, text, wanted] of rows) assert.match(explainFault(text, secured), wanted);
});
