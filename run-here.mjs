// npm changes into the package's folder before it runs a script: go back to where the person is.
process.chdir(process.env.INIT_CWD ?? '.');
await import('./dist/polarplay.js');
