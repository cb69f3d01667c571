/** What stands in for the image that the Dockerfile begins with: no registry is at hand, Node and a shell are. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** All that RUN lines call, and what an engine uses to give a process its user. */
const TOOLS = 'sh env cat chmod cp find id ln ls mkdir mv rm touch setpriv'.split(' ');

/** The rest of glibc, which every Debian has; onnxruntime's binary is linked with some of it. */
const GLIBC =
  'librt.so.1 libdl.so.2 libpthread.so.0 libm.so.6 libresolv.so.2 libnss_dns.so.2 libnss_files.so.2'.split(
    ' ',
  );

const output = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8' }).trim();

/**
 * Lays out a small system, as node:<version>-bookworm-slim has it: Node and npm below /usr/local, the C libraries, a shell.
 *
 * @param node path of a Node executable
 */
export function layOutBase(folder: string, node: string): void {
  for (const path of 'usr/bin usr/local/bin usr/local/lib/node_modules etc proc dev tmp root models'.split(
    ' ',
  ))
    mkdirSync(join(folder, path), { recursive: true });
  for (const path of ['bin', 'lib', 'lib64', 'sbin']) {
    mkdirSync(join(folder, 'usr', path), { recursive: true });
    symlinkSync(`usr/${path}`, join(folder, path));
  }
  writeFileSync(
    join(folder, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n',
  );
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  // An engine gives a container the names of its loopback.
  writeFileSync(join(folder, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  writeFileSync(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  for (const path of ['etc/resolv.conf', 'etc/npmrc', 'root/npmrc', 'etc/extra-ca.pem'])
    writeFileSync(join(folder, path), '');
  mkdirSync(join(folder, 'root/.npm'));
  for (const tool of TOOLS) install(folder, output('sh', '-c', `command -v ${tool}`), `/usr/bin/${tool}`);
  install(folder, node, '/usr/local/bin/node');
  const npm = join(output('npm', 'root', '--global'), 'npm');
  cpSync(npm, join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(folder, 'usr/local/bin', name));
}

/** An executable and the libraries that it is linked with, each at its own place. */
function install(folder: string, from: string, to: string): void {
  copyFileSync(realpathSync(from), join(folder, to));
  for (const [, path = ''] of output('ldd', realpathSync(from)).matchAll(/(\/\S+) \(0x/g)) {
    // /lib is a link to /usr/lib, inside as well as here.
    put(folder, path);
    if (basename(path) === 'libc.so.6') for (const name of GLIBC) put(folder, join(dirname(path), name));
  }
}

/** A library, unless it is there. /lib is a link to /usr/lib, inside as well as here. */
function put(folder: string, path: string): void {
  const target = join(folder, path.startsWith('/usr') ? path : `/usr${path}`);
  if (existsSync(target) || !existsSync(path)) return;
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(realpathSync(path), target);
}

/** Mounts and variables with which npm, inside, finds the registry that it finds outside. */
export function registryAccess(): { mounts: readonly string[]; env: Readonly<Record<string, string>> } {
  const files: readonly (readonly [outside: string | undefined, inside: string])[] = [
    ['/etc/resolv.conf', '/etc/resolv.conf'],
    ['/etc/hosts', '/etc/hosts'],
    [output('npm', 'config', 'get', 'globalconfig'), '/etc/npmrc'],
    [output('npm', 'config', 'get', 'userconfig'), '/root/npmrc'],
    [process.env['NODE_EXTRA_CA_CERTS'], '/etc/extra-ca.pem'],
  ];
  const there = files.filter(([outside]) => outside !== undefined && existsSync(outside));
  const passed = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|npm_config_registry)$/i.test(name),
  );
  const cache = output('npm', 'config', 'get', 'cache');
  mkdirSync(cache, { recursive: true });
  return {
    mounts: [...there.map(([outside, inside]) => `ro:${outside}:${inside}`), `rw:${cache}:/root/.npm`],
    env: {
      ...(Object.fromEntries(passed) as Record<string, string>),
      NPM_CONFIG_GLOBALCONFIG: '/etc/npmrc',
      NPM_CONFIG_USERCONFIG: '/root/npmrc',
      NODE_EXTRA_CA_CERTS: '/etc/extra-ca.pem',
    },
  };
}
