import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

/** Descriptors by what clients of reflection ask for. */
export class ReflectionIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #messages = new Set<string>();
  /** By extended message and then number. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();

  /** Knows `roots` and all that they import. */
  constructor(roots: readonly DescFile[]) {
    for (const root of roots) this.#addFile(root);
  }

  /** A file and all its imports, each serialized; the file itself comes first. */
  closure(file: DescFile): Uint8Array[] {
    const seen = new Set<DescFile>([file]);
    // A set may grow while it is walked: what is added is visited too.
    for (const each of seen) for (const dependency of each.dependencies) seen.add(dependency);
    return [...seen].map((each) => toBinary(FileDescriptorProtoSchema, each.proto));
  }

  file(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  fileOfSymbol(name: string): DescFile | undefined {
    return this.#symbols.get(name);
  }

  fileOfExtension(message: string, number: number): DescFile | undefined {
    return this.#extensions.get(message)?.get(number);
  }

  /** Undefined for an unknown message. */
  extensionNumbers(message: string): number[] | undefined {
    if (!this.#messages.has(message)) return undefined;
    return [...(this.#extensions.get(message)?.keys() ?? [])];
  }

  #addFile(file: DescFile): void {
    // The generated code names files without their ending.
    const name = file.proto.name;
    if (this.#files.has(name)) return;
    this.#files.set(name, file);
    for (const dependency of file.dependencies) this.#addFile(dependency);
    for (const message of file.messages) this.#addMessage(message);
    for (const each of file.enums) this.#addEnum(each);
    for (const each of file.extensions) this.#addExtension(each);
    for (const service of file.services) this.#addService(service);
  }

  #addService(service: DescService): void {
    this.#symbols.set(service.typeName, service.file);
    for (const method of service.methods)
      this.#symbols.set(`${service.typeName}.${method.name}`, service.file);
  }

  #addMessage(message: DescMessage): void {
    this.#messages.add(message.typeName);
    this.#symbols.set(message.typeName, message.file);
    for (const member of message.members)
      this.#symbols.set(`${message.typeName}.${member.name}`, message.file);
    for (const field of message.fields) this.#symbols.set(`${message.typeName}.${field.name}`, message.file);
    for (const nested of message.nestedMessages) this.#addMessage(nested);
    for (const nested of message.nestedEnums) this.#addEnum(nested);
    for (const nested of message.nestedExtensions) this.#addExtension(nested);
  }

  #addEnum(each: DescEnum): void {
    this.#symbols.set(each.typeName, each.file);
    // A value's full name stands beside its enum's, not below it.
    const scope = each.typeName.slice(0, each.typeName.lastIndexOf('.') + 1);
    for (const value of each.values) this.#symbols.set(scope + value.name, each.file);
  }

  #addExtension(extension: DescExtension): void {
    this.#symbols.set(extension.typeName, extension.file);
    const extendee = extension.extendee.typeName;
    const numbers = this.#extensions.get(extendee) ?? new Map<number, DescFile>();
    numbers.set(extension.number, extension.file);
    this.#extensions.set(extendee, numbers);
  }
}
