import { findModule } from '../../lib/engine/module-list.ts';
import * as lab from '../../lib/lab/lab.ts';
import { type LabKind, stateRoot } from '../../lib/lab/record.ts';
import { checkMachine } from '../../lib/lab/requirements.ts';
import { UsageError } from '../../lib/source/errors.ts';
import { type LabHost, labHost } from './lab-host.ts';
import { LAB_PACKAGES, ON_A_LAB_HOST } from './on-a-lab-host.ts';
import { KERNEL_ARGUMENTS, KERNEL_PACKAGES, ON_ITS_OWN_KERNEL } from './on-its-own-kernel.ts';
import { proveScenario, type Scenario } from './prove.ts';

interface Suite {
  readonly scenarios: Readonly<Record<string, Scenario>>;
  readonly kind: LabKind;
  readonly packages: readonly string[];
  readonly kernelArguments: readonly string[];
  /** Only when it is asked for. */
  readonly live: boolean;
}

/** All that CI has time for; `npm run test:truth` runs the scenarios to their end. */
const LIVE = process.env.TRUTH === 'live';
const MOST = LIVE ? Number.POSITIVE_INFINITY : 3;

const SUITES: Readonly<Record<string, Suite>> = {
  'on a lab host': {
    scenarios: ON_A_LAB_HOST,
    kind: 'nspawn',
    packages: LAB_PACKAGES,
    kernelArguments: [],
    live: false,
  },
  'on a host with a kernel of its own': {
    scenarios: ON_ITS_OWN_KERNEL,
    kind: 'uml',
    packages: KERNEL_PACKAGES,
    kernelArguments: KERNEL_ARGUMENTS,
    live: true,
  },
};

for (const [where, { scenarios, kind, packages, kernelArguments, live }] of Object.entries(SUITES))
  describe(`check mode predicts the run ${where}`, function () {
    this.timeout(LIVE ? 1_800_000 : 600_000);
    const name = `truth-${kind}-${process.pid}`;
    let host: LabHost | undefined;

    before(async function () {
      if (live && !LIVE) {
        console.log(
          `    skipped: ${Object.keys(scenarios).join(', ')} take minutes; npm run test:truth runs them, and the lab host’s tasks beyond the first three`,
        );
        this.skip();
      }
      try {
        await checkMachine({ hosts: 1, kind, install: false }, () => undefined);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        console.log(`    skipped: ${error.message}. Runs as root on Debian or Ubuntu.`);
        this.skip();
      }
      const hosts = { hosts: ['h1'], disks: [], diskKind: 'loop', vars: {}, install: false } as const;
      const extra = { packages, prepareFor: [] };
      host = labHost(
        await lab.up(stateRoot(), { name, kind, kernelArguments, extra, ...hosts }, () => undefined),
      );
    });

    after(async () => {
      await host?.close();
      await lab.down(stateRoot(), name);
    });

    for (const [module, scenario] of Object.entries(scenarios))
      it(module, () => proveScenario(findModule(module)!, scenario, host!, `/srv/${module}`, MOST));
  });
