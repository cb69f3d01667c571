import { bool, integer, optionalText, text } from './setting.js';

/** A path of this machine: no scheme, no control characters. */
const PATH = /^(?![A-Za-z][A-Za-z0-9+.-]*:\/\/)[^\p{Cc}]{1,4096}$/u;
const PATH_WANTED = 'a path on this machine';

/** Labels and what is loaded by call: where the desired state is kept. */
export const LABEL_SETTINGS = {
  stateDir: optionalText({
    default: undefined,
    defaultText: 'in memory: labels end with the process',
    placeholder: 'path',
    pattern: PATH,
    wanted: PATH_WANTED,
    isPath: true,
    why: 'Where labels, and versions that were loaded by a call, are kept: a small file for each change. Replicas may share it.',
  }),
  labelsFile: optionalText({
    default: undefined,
    defaultText: 'none',
    placeholder: 'path',
    pattern: PATH,
    wanted: PATH_WANTED,
    isPath: true,
    why: 'Read labels from this file, which others write (a mounted ConfigMap, say), in place of a state directory: no call changes them then.',
  }),
  labelsPollMs: integer({
    default: 1000,
    min: 50,
    max: 3_600_000,
    unit: 'ms',
    why: 'How often the labels are read anew: all replicas agree within this time.',
  }),
};

/** The listener for what changes the server. */
export const ADMIN_SETTINGS = {
  enabled: bool({
    default: true,
    flag: 'allow-admin',
    why: 'Whether there is a listener for what changes the server: labels, loads, log settings.',
  }),
  address: text({
    default: '127.0.0.1',
    placeholder: 'host',
    pattern: /^(?:unix:\/[^\p{Cc}]{1,106}|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:.]{2,45})$/u,
    wanted: 'a host name or an IP address, without a port, or unix:/path',
    why: 'Where it listens. Whoever reaches it may change what is served: anything but loopback or a Unix socket wants auth.tokensFile or tls.clientCaFile.',
  }),
  port: integer({ default: 8003, min: 0, max: 65535, why: 'Its port; 0 takes any free one.' }),
  openOnGrpc: bool({
    default: false,
    flag: 'allow-admin-on-grpc',
    why: 'Whether the gRPC port answers what changes the server, too. Every client of the models can then change them, unless auth.tokensFile says who may.',
  }),
};
