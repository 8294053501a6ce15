import type { Schemas } from './commands/schema.ts';
import type { Commands } from './reference/help-of.ts';

/** Schemas of files that other parts of the program read. */
const SCHEMAS: Schemas = {
  profile: async () => (await import('../../bench/cluster/load/profiles.ts')).ProfileSchema,
  waivers: async () => (await import('../../verify/waivers.ts')).waiversSchema(),
  checks: async () => (await import('../../verify/own/schema.ts')).ownSchema(),
};

/** The first word of a command line picks a command; each loads what it needs and nothing else. */
export const COMMANDS: Commands = {
  run: async () => (await import('./commands/run.ts')).runAdhocCommand,
  lint: async () => (await import('./commands/lint.ts')).runLintCommand,
  init: async () => (await import('./commands/init.ts')).runInitCommand,
  check: async () => (await import('./commands/check.ts')).runCheckCommand,
  status: async () => (await import('./commands/status.ts')).runStatusCommand,
  serve: async () => (await import('./commands/serve.ts')).runServeCommand,
  wipe: async () => (await import('./commands/wipe.ts')).runWipeCommand,
  vault: async () => (await import('./commands/vault.ts')).runVaultCommand,
  doc: async () => (await import('./commands/doc.ts')).runDocCommand,
  inventory: async () => (await import('./commands/inventory.ts')).runInventoryCommand,
  schema: async () => {
    const { runSchemaCommand } = await import('./commands/schema.ts');
    return argv => runSchemaCommand(argv, SCHEMAS);
  },
  completion: async () => {
    const { runCompletionCommand } = await import('./commands/completion.ts');
    return argv => runCompletionCommand(argv, COMMANDS);
  },
  runs: async () => (await import('./commands/runs.ts')).runRunsCommand,
  verify: async () => (await import('../../verify/main.ts')).runVerifyCommand,
  faults: async () => (await import('../../verify/faults/main.ts')).runFaultsCommand,
  bench: async () => (await import('../../bench/main.ts')).runBenchCommand,
  lab: async () => {
    const { runLab } = await import('./commands/lab.ts');
    return argv => runLab(argv, process);
  },
};
