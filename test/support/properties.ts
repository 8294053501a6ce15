import fc from 'fast-check';

// For mocha: `npm test` tries the same cases each time, so that it says the same of the same code everywhere;
// `npm run test:fuzz` tries others each time.
if (process.env.FUZZ_RUNS === undefined) fc.configureGlobal({ seed: 20261123 });
