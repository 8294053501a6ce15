import { writeFileSync } from 'node:fs';
import { CHECKS } from '../../../verify/checks/index.ts';
import { checksPage } from '../../../verify/checks-page.ts';
import { sampleDeployment } from './sample-deployment.ts';

// npm run docs: the reference of the checks.
writeFileSync('docs/checks.md', checksPage(CHECKS, sampleDeployment('hosts')));
