import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { ProfileSchema } from '../../../bench/cluster/load/profiles.ts';
import { waiversSchema } from '../../../verify/waivers.ts';
import { allModules } from '../../engine/module-list.ts';
import { playbookSchema } from '../../playbook/schema.ts';
import { PACKAGE_ROOT } from '../../source/package-root.ts';
import { inventorySchema } from './inventory-schema.ts';

const SERVER = join(PACKAGE_ROOT, 'node_modules/yaml-language-server/bin/yaml-language-server');

const SCHEMAS = {
  inventory: inventorySchema(join(PACKAGE_ROOT, 'roles')),
  playbook: playbookSchema(allModules()),
  profile: ProfileSchema,
  waivers: waiversSchema(),
};

/** A file, and what an editor says of it: line and message of each mistake. */
const cases: readonly (readonly [keyof typeof SCHEMAS, text: string, said: readonly string[]])[] = [
  ['inventory', 'all:\n  vars: {polardb_port: 5433}\n', []],
  ['inventory', 'all:\n  vars: {polardb_port: many}\n', ['3 Incorrect type. Expected "integer".']],
  ['playbook', '- hosts: all\n  tasks:\n    - copy: {src: a, dest: /x}\n', []],
  [
    'playbook',
    '- hosts: all\n  tasks:\n    - copy: {src: a, dets: /x}\n',
    ['4 Property dets is not allowed.'],
  ],
  ['waivers', '- {id: x, reason: y, expires: "2027-01-31"}\n', []],
  ['waivers', '- {id: x, reason: y, expires: "2027-01-31", hots: z}\n', ['2 Property hots is not allowed.']],
  [
    'profile',
    'name: x\nscale: 0\nwarmUpSeconds: 1\nrepetitions: 1\nreadOnly: &l {clients: 1, threads: 1, seconds: 1}\nreadWrite: *l\nreadOnlyNodes: [all]\nlogSampling: 1\nseed: 1\n',
    ['3 Value is below the minimum of 1.'],
  ],
];

/** The language server that editors run, with the line that names the schema at the beginning of each file. */
describe('schemas in an editor', function () {
  this.timeout(120_000);
  let scratch: string;
  let editor: Editor;

  before(function () {
    if (!existsSync(SERVER)) {
      console.log('      skipped: yaml-language-server is not installed');
      this.skip();
    }
    scratch = mkdtempSync(join(tmpdir(), 'polarplay-editor-'));
    for (const [name, schema] of Object.entries(SCHEMAS))
      writeFileSync(join(scratch, `${name}.schema.json`), JSON.stringify(schema));
    editor = new Editor();
  });
  after(() => {
    editor?.close();
    if (scratch !== undefined) rmSync(scratch, { recursive: true });
  });

  for (const [i, [schema, text, said]] of cases.entries())
    it(`${said.length === 0 ? 'finds nothing in' : 'marks'} ${schema} ${JSON.stringify(text)}`, async () => {
      const uri = pathToFileURL(join(scratch, `${i}.yaml`)).href;
      const found = await editor.open(uri, `# yaml-language-server: $schema=${schema}.schema.json\n${text}`);
      expect(found).to.deep.equal(said);
    });
});

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly uri: string;
    readonly items: readonly { readonly section: string }[];
    readonly diagnostics: readonly {
      readonly message: string;
      readonly range: { readonly start: { readonly line: number } };
    }[];
  };
}

/** As much of an editor as opens a file and waits for what is said of it. */
class Editor {
  readonly #server: ChildProcess;
  readonly #waiting = new Map<string, (said: readonly string[]) => void>();
  readonly #ready: Promise<void>;
  #isReady: () => void = () => {};
  #unread = Buffer.alloc(0);

  constructor() {
    this.#server = spawn(process.execPath, [SERVER, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ready = new Promise(resolve => {
      this.#isReady = resolve;
    });
    this.#server.stdout!.on('data', (data: Buffer) => this.#read(data));
    const capabilities = { workspace: { configuration: true }, textDocument: { publishDiagnostics: {} } };
    this.#send({
      id: 1,
      method: 'initialize',
      params: { processId: process.pid, rootUri: null, capabilities },
    });
  }

  async open(uri: string, text: string): Promise<readonly string[]> {
    await this.#ready;
    const said = new Promise<readonly string[]>(resolve => this.#waiting.set(uri, resolve));
    const textDocument = { uri, languageId: 'yaml', version: 1, text };
    this.#send({ method: 'textDocument/didOpen', params: { textDocument } });
    return said;
  }

  close(): void {
    this.#server.kill();
  }

  #send(message: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#server.stdin!.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #read(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data]);
    for (;;) {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/.exec(this.#unread.toString('latin1', 0, end))![1]);
      if (this.#unread.length < end + 4 + length) return;
      const message = this.#unread.toString('utf8', end + 4, end + 4 + length);
      this.#unread = this.#unread.subarray(end + 4 + length);
      this.#take(JSON.parse(message));
    }
  }

  #take({ id, method, params }: Message): void {
    if (id === 1 && method === undefined) {
      this.#send({ method: 'initialized', params: {} });
      this.#isReady();
    } else if (method === 'workspace/configuration') {
      // No list of schemas from a network.
      const settings = { validate: true, schemaStore: { enable: false } };
      this.#send({ id, result: params!.items.map(({ section }) => (section === 'yaml' ? settings : {})) });
    } else if (method === 'textDocument/publishDiagnostics') {
      const said = params!.diagnostics.map(({ range, message }) => `${range.start.line + 1} ${message}`);
      this.#waiting.get(params!.uri)?.(said);
    } else if (method !== undefined && id !== undefined) this.#send({ id, result: null });
  }
}
