import type { Commands } from './reference/help-of.ts';

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
  schema: async () => (await import('./commands/schema.ts')).runSchemaCommand,
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
