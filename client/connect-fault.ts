/** How a client wanted to speak to its server. */
export type Secured = 'plain' | 'tls';

interface Row {
  readonly sign: RegExp;
  readonly says: (match: RegExpExecArray) => string;
}

const WRONG_CERTIFICATE = "the server does not take this client's certificate (cert and key; --cert, --key)";

/** By what grpc-js, Node and OpenSSL say of a handshake that failed; the first that fits. */
const TLS_ROWS: readonly Row[] = [
  {
    sign: /wrong version number|packet length too long|ssl3_get_record|http request/,
    says: () => 'the server speaks plain text there, and TLS was wanted (tls; --tls, --ca, --cert)',
  },
  {
    sign: /ALTNAME_INVALID.*altnames: (.*)/s,
    says: ([, names]) =>
      `the server's certificate is for another name (--server-name says which is wanted): ${names}`,
  },
  {
    sign: /alert certificate required/,
    says: () => 'the server wants a certificate of its clients (cert and key; --cert, --key)',
  },
  {
    sign: /alert (unknown ca|bad certificate|certificate expired|certificate unknown|certificate revoked|unsupported certificate)/,
    says: ([, alert]) => `${WRONG_CERTIFICATE}: ${alert}`,
  },
  {
    sign: /unable to verify|unable to get|self.signed|issuer certificate/,
    says: ({ input }) =>
      `the server's certificate is of no authority that is known here (ca; --ca): ${input.trim()}`,
  },
  { sign: /certificate has expired|certificate is not yet valid/, says: ([what]) => `the server's ${what}` },
  {
    sign: /^Failed to connect|ECONNRESET|socket hang up|disconnected before secure/,
    says: () =>
      'the server closed the connection in the TLS handshake: it may want another certificate of its clients (cert and key; --cert, --key)',
  },
];

const PLAIN_ROWS: readonly Row[] = [
  {
    sign: /^Failed to connect|ECONNRESET|socket hang up/,
    says: () =>
      'the server closed the connection before it said anything: it may want TLS (tls; --tls, --ca)',
  },
];

/** What to do about a connection that failed, where its text tells; else the text as it is. */
export function explainFault(text: string, secured: Secured): string {
  for (const { sign, says } of secured === 'tls' ? TLS_ROWS : PLAIN_ROWS) {
    const match = sign.exec(text);
    if (match !== null) return says(match);
  }
  return text;
}
