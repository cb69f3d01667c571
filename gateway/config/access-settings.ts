import { bool, integer, optionalText } from './setting.js';

/** A path of this machine: no scheme, no control characters. */
const PATH = /^(?![A-Za-z][A-Za-z0-9+.-]*:\/\/)[^\p{Cc}]{1,4096}$/u;

const file = (given: { why: string; aliases?: readonly string[] }) =>
  optionalText({
    default: undefined,
    defaultText: 'none',
    placeholder: 'path',
    pattern: PATH,
    wanted: 'a path on this machine',
    isPath: true,
    ...given,
  });

const reloadSecs = (what: string) =>
  integer({
    default: 10,
    min: 1,
    max: 86_400,
    unit: 's',
    why: `How often ${what} looked at for a change. What cannot be used is logged, and what was is kept.`,
  });

/** Encryption, and who is let in by certificate. */
export const TLS_SETTINGS = {
  certFile: file({
    aliases: ['grpc-server-cert'],
    why: "The server's certificate and those between it and its authority, PEM. With it gRPC and HTTP are encrypted (TLS 1.2 or newer), and so is the admin listener where it is neither on loopback nor a Unix socket.",
  }),
  keyFile: file({ aliases: ['grpc-server-key'], why: 'Its private key, PEM, without a passphrase.' }),
  clientCaFile: file({
    aliases: ['grpc-root-cert'],
    why: 'Certificates of authorities, PEM. With it clients must show a certificate of one of them: others are refused in the handshake.',
  }),
  clientCrlFile: file({
    why: 'Lists of revoked certificates (CRL), PEM: one of each authority in tls.clientCaFile. A list that has expired lets nobody in.',
  }),
  reloadSecs: reloadSecs('these files are'),
  http: bool({
    default: true,
    why: 'Whether HTTP and the metrics port are encrypted as gRPC is. False leaves them plain, for probes and scrapers that cannot show a certificate.',
  }),
  required: bool({
    default: false,
    aliases: ['grpc-use-ssl'],
    why: 'Whether a start without a certificate is a fault.',
  }),
  clientCertRequired: bool({
    default: false,
    aliases: ['grpc-use-ssl-mutual'],
    why: 'Whether a start without tls.clientCaFile is a fault.',
  }),
};

/** Who is let in by token. */
export const AUTH_SETTINGS = {
  tokensFile: file({
    why: 'Who may call what: a line for each token, `<name> <role>[,<role>] sha256:<hash>`, as `sluice token` makes them. With it every call but probes wants `authorization: Bearer <token>`; roles are infer, read and control.',
  }),
  reloadSecs: reloadSecs('that file is'),
  allowPlaintext: bool({
    default: false,
    why: 'Whether tokens are taken without TLS on an address that others than this machine reach: for where a mesh or a proxy in front encrypts. Otherwise such a start is a fault.',
  }),
};
