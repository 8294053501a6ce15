import { Fault, fault, type Site } from '../fault.ts';
import { getAttribute } from '../python/access.ts';
import { Callable, TemplateModule } from '../python/objects.ts';
import { typeName } from '../python/types.ts';
import { missing, orElse } from '../python/undefined.ts';
import type { Expr, Statement } from '../syntax/ast.ts';
import type { Compiler } from './compiler.ts';
import type { Output } from './output.ts';
import type { Exec, Runtime, Template } from './runtime.ts';
import { Scope } from './scope.ts';

/** Loads the template that an expression names; of a list, the first that exists. */
function compileLoad(compiler: Compiler, node: Expr): (rt: Runtime) => Template | undefined {
  const name = compiler.expression(node);
  return rt => {
    const value = name(rt);
    rt.site = node.site;
    const names = Array.isArray(value) ? value : [value];
    for (const item of names) {
      if (typeof item !== 'string') throw fault(`the name of a template must be text, not ${typeName(item)}`);
      const template = rt.env.loadTemplate(item, rt.vars);
      if (template) return template;
    }
    return undefined;
  };
}

function needed(template: Template | undefined, node: Expr): Template {
  if (template) return template;
  const { source, start, end } = node.site;
  throw new Fault('FILE_NOT_FOUND', `the template ${source.text.slice(start, end)} was not found`, {
    site: node.site,
  });
}

/** `{% include %}` */
export function compileInclude(compiler: Compiler, node: Statement & { kind: 'include' }): Exec {
  const load = compileLoad(compiler, node.template);
  return (rt, out) => {
    const found = load(rt);
    if (!found && node.ignoreMissing) return 'next';
    const template = needed(found, node.template);
    if (node.withContext) rt.call(new Scope(rt.scope), () => template.run(rt, out));
    else rt.call(rt.scope, () => template.run(rt.fresh(false), out));
    return 'next';
  };
}

/** Runs a template for the names it defines. */
function moduleOf(rt: Runtime, template: Template, withContext: boolean): TemplateModule {
  const inner = rt.fresh(withContext);
  const out = inner.output();
  rt.call(rt.scope, () => template.run(inner, out));
  const exported = [...inner.writable.own].filter(([name]) => !name.startsWith('_'));
  return new TemplateModule(new Map(exported), out.text);
}

/** `{% import … as name %}` */
export function compileImport(compiler: Compiler, node: Statement & { kind: 'import' }): Exec {
  const load = compileLoad(compiler, node.template);
  return rt => {
    const template = needed(load(rt), node.template);
    rt.writable.set(node.as, moduleOf(rt, template, node.withContext));
    return 'next';
  };
}

/** `{% from … import name as other %}` */
export function compileFrom(compiler: Compiler, node: Statement & { kind: 'from' }): Exec {
  const load = compileLoad(compiler, node.template);
  return rt => {
    const module = moduleOf(rt, needed(load(rt), node.template), node.withContext);
    for (const [name, as] of node.names) {
      const reason = 'the imported template does not define it';
      rt.writable.set(
        as,
        orElse(getAttribute(module, name), () => missing(name, reason, node.site)),
      );
    }
    return 'next';
  };
}

/** `{% extends %}`: the parent's text is rendered once this template has run. */
export function compileExtends(compiler: Compiler, node: Statement & { kind: 'extends' }): Exec {
  const load = compileLoad(compiler, node.template);
  return rt => {
    rt.parent = needed(load(rt), node.template);
    return 'next';
  };
}

/** `{% block name %}`: the most specific body among this template and those that extend it. */
export function compileBlock(name: string, site: Site): Exec {
  return (rt, out) => {
    rt.site = site;
    runBlock(rt, out, name, 0);
    return 'next';
  };
}

function runBlock(rt: Runtime, out: Output, name: string, level: number): void {
  const body = rt.blocks.get(name)?.[level];
  if (!body) throw fault(`there is no parent block "${name}"`);
  rt.call(new Scope(rt.scope), () => {
    const above = new Callable('super', () => {
      const inner = rt.output();
      runBlock(rt, inner, name, level + 1);
      return inner.value;
    });
    rt.writable.set('super', above);
    body(rt, out);
  });
}
