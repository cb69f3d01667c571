/** Makes certificates for tests, with Node's crypto and a few lines of DER (ITU-T X.690): nothing is kept in the repository that looks like a key. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Object identifiers, encoded. */
const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  basicConstraints: '551d13',
  subjectAltName: '551d11',
} as const;

const DAY_MS = 86_400_000;

/** A certificate with its key, PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** One that may sign others. */
export interface TestAuthority extends TestCertificate {
  /** For localhost and 127.0.0.1 as a server, for anybody as a client. @param days until it expires; negative for one that has */
  issue(name: string, days?: number): TestCertificate;
  /** A list of revoked certificates, PEM. */
  revoke(...certificates: readonly string[]): string;
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), body]);
  const size = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const integer = (bytes: Buffer): Buffer => der(0x02, bytes);
const TRUE = der(0x01, Buffer.from([255]));

function nameOf(text: string): Buffer {
  return sequence(der(0x31, sequence(oid(OID.commonName), der(0x0c, Buffer.from(text)))));
}

/** UTCTime: two digits of the year, good until 2049. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [TRUE] : []), der(0x04, value));
}

interface Wanted {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly issuer: string;
  readonly signer: KeyObject;
  readonly days: number;
  readonly isAuthority: boolean;
}

function certificate({ subject, publicKey, issuer, signer, days, isAuthority }: Wanted): string {
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const end = Date.now() + days * DAY_MS;
  const local = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
  const extensions = isAuthority
    ? [extension(OID.basicConstraints, true, sequence(TRUE))]
    : [extension(OID.subjectAltName, false, local)];
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer),
    sequence(time(Math.min(Date.now(), end) - DAY_MS), time(end)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  return pemOf('CERTIFICATE', signed(body, algorithm, signer));
}

function revocations(issuer: string, signer: KeyObject, certificates: readonly string[]): string {
  const now = time(Date.now() - DAY_MS);
  const entries = certificates.map((pem) =>
    sequence(integer(Buffer.from(new X509Certificate(pem).serialNumber, 'hex')), now),
  );
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const body = sequence(
    integer(Buffer.from([1])),
    algorithm,
    nameOf(issuer),
    now,
    time(Date.now() + DAY_MS),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
  );
  return pemOf('X509 CRL', signed(body, algorithm, signer));
}

function signed(body: Buffer, algorithm: Buffer, signer: KeyObject): Buffer {
  return sequence(body, algorithm, der(0x03, Buffer.from([0]), sign('sha256', body, signer)));
}

function pemOf(kind: string, bytes: Buffer): string {
  // No empty line at the end, which OpenSSL does not take.
  const text = (bytes.toString('base64').match(/.{1,64}/g) as string[]).join('\n');
  return `-----BEGIN ${kind}-----\n${text}\n-----END ${kind}-----\n`;
}

function keyPair(): { publicKey: KeyObject; privateKey: KeyObject; pem: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return { publicKey, privateKey, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

/** Makes an authority. */
export function makeAuthority(name: string): TestAuthority {
  const own = keyPair();
  const certify = (subject: string, publicKey: KeyObject, days: number, isAuthority: boolean): string =>
    certificate({ subject, publicKey, issuer: name, signer: own.privateKey, days, isAuthority });
  return {
    cert: certify(name, own.publicKey, 3650, true),
    key: own.pem,
    issue(subject, days = 30) {
      const { publicKey, pem } = keyPair();
      return { cert: certify(subject, publicKey, days, false), key: pem };
    },
    revoke: (...certificates) => revocations(name, own.privateKey, certificates),
  };
}

/** A folder for the files of one test. Each is replaced as deployments do it: whole, by a rename. */
export function makeFolder(t: TestContext): {
  readonly path: (name: string) => string;
  write(name: string, text: string): string;
} {
  const root = mkdtempSync(join(tmpdir(), 'sluice-access-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const path = (name: string): string => join(root, name);
  return {
    path,
    write(name, text) {
      writeFileSync(path(`.${name}`), text);
      renameSync(path(`.${name}`), path(name));
      return path(name);
    },
  };
}
