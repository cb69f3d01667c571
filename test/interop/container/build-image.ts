/** Builds the Dockerfile's image as an engine would, instruction by instruction, each stage a layer over a stand-in base. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import {
  environmentOf,
  type Instruction,
  ignores,
  lastOf,
  parseDockerfile,
  type Stage,
  wordsOf,
} from '../../support/container/dockerfile.js';
import { repositoryRoot } from '../../support/server-process.js';
import { layOutBase, registryAccess } from './base-image.js';

/** What an image is: files over those of its base, and how to start it. */
export interface Image {
  /** The files that the Dockerfile adds to its base. */
  readonly layer: string;
  /** The file system of the base. */
  readonly base: string;
  readonly env: Readonly<Record<string, string>>;
  /** `uid:gid` */
  readonly user: string;
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  readonly volumes: readonly string[];
}

/** Runs as the first process in namespaces of its own: see there. */
export const ENTER = fileURLToPath(new URL('../../../../test/interop/container/enter.sh', import.meta.url));
export const PATH_INSIDE = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const INTO_CONFIG = new Set([
  'CMD',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'HEALTHCHECK',
  'LABEL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
]);

/**
 * @param folder an empty one, to build in
 * @param node the Node executable of the stand-in base
 * @throws Error with what a RUN line has said, when it fails
 */
export async function buildImage(folder: string, node: string): Promise<Image> {
  const base = join(folder, 'base');
  layOutBase(base, node);
  const stages = parseDockerfile(readFileSync(join(repositoryRoot, 'Dockerfile'), 'utf8'));
  const builder = new Builder(folder, base);
  for (const [index, stage] of stages.entries()) await builder.build(stage, `stage-${stage.name || index}`);
  const final = stages.at(-1) as Stage;
  const words = (name: string): string[] => wordsOf(lastOf(final, name)?.text.replace(/^CMD /, '') ?? '[]');
  return {
    layer: join(folder, `stage-${final.name || stages.length - 1}`),
    base,
    env: environmentOf(final),
    user: lastOf(final, 'USER')?.text ?? '0:0',
    command: [...words('ENTRYPOINT'), ...words('CMD')],
    healthCheck: words('HEALTHCHECK'),
    volumes: words('VOLUME'),
  };
}

class Builder {
  readonly #folder: string;
  readonly #base: string;
  readonly #ignored = ignores(readFileSync(join(repositoryRoot, '.dockerignore'), 'utf8'));
  readonly #registry = registryAccess();

  constructor(folder: string, base: string) {
    this.#folder = folder;
    this.#base = base;
  }

  async build(stage: Stage, name: string): Promise<void> {
    const layer = join(this.#folder, name);
    mkdirSync(layer, { mode: 0o755 });
    let directory = '/';
    for (const instruction of stage.instructions) {
      if (instruction.name === 'WORKDIR') {
        directory = instruction.text;
        mkdirSync(join(layer, directory), { recursive: true });
      } else if (instruction.name === 'COPY') this.#copy(instruction, layer, directory);
      else if (instruction.name === 'RUN') await this.#run(instruction, name, directory);
      else if (!INTO_CONFIG.has(instruction.name)) throw new Error(`no builder for ${instruction.name}`);
    }
  }

  /** A folder's contents go into the target; a file goes there by its name where the target ends in a slash. */
  #copy({ flags, text: paths }: Instruction, layer: string, directory: string): void {
    const words = paths.split(/\s+/);
    const to = words.pop() as string;
    const { from } = flags;
    const root = from === undefined ? repositoryRoot : join(this.#folder, `stage-${from}`);
    const target = to.startsWith('/') ? to : join(directory, to);
    for (const word of words) {
      const source = join(root, word);
      const intoFolder = to.endsWith('/') && statSync(source).isFile();
      cpSync(source, join(layer, target, intoFolder ? basename(word) : ''), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (path) =>
          from !== undefined || lstatSync(path).isDirectory() || !this.#ignored(relative(root, path)),
      });
    }
  }

  async #run({ line, text: script }: Instruction, name: string, directory: string): Promise<void> {
    const [root, work] = ['root', 'work'].map((kind) => join(this.#folder, `${name}-${kind}`)) as [
      string,
      string,
    ];
    for (const path of [root, work]) if (!existsSync(path)) mkdirSync(path);
    const overlay = `lowerdir=${this.#base},upperdir=${join(this.#folder, name)},workdir=${work}`;
    const { mounts, env } = this.#registry;
    const child = spawn(
      'unshare',
      [
        ...['--mount', '--pid', '--fork', '--kill-child', 'bash', ENTER, root, overlay],
        ...['dev', 'proc', 'tmpfs:/tmp', ...mounts, '--', '/bin/sh', '-c', `cd ${directory} && ${script}`],
      ],
      { env: { PATH: PATH_INSIDE, HOME: '/root', ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const [said, complained, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    if (code !== 0) throw new Error(`Dockerfile line ${line} ended with ${code}:\n${said}${complained}`);
  }
}
