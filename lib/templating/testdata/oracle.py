"""Writes what Ansible's own templating makes of every case: python3 oracle.py [case file...] > expected.json

Needs ansible-core, jmespath, netaddr and the usual collections, as Debian's package `ansible` brings them.
Three things differ from a stock Ansible 2.14: its native mode is on; literal_eval is applied to text as outside of
native mode, so that no number comes out of it; and native mode, too, prints None inside a text as nothing.
"""
import copy
import datetime
import json
import logging
import os
import pathlib
import sys

os.environ.update(
    ANSIBLE_JINJA2_NATIVE='1',
    ANSIBLE_JINJA2_EXTENSIONS='jinja2.ext.do,jinja2.ext.loopcontrols',
    ANSIBLE_DEPRECATION_WARNINGS='0',
    ANSIBLE_SYSTEM_WARNINGS='0',
    TZ='UTC',
)

from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.playbook.conditional import Conditional  # noqa: E402
from ansible.template import AnsibleEnvironment, Templar  # noqa: E402
import ansible.template as template_module  # noqa: E402
from ansible.template.native_helpers import ansible_eval_concat  # noqa: E402
from ansible.utils.native_jinja import NativeJinjaText  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from jinja2.nativetypes import NativeCodeGenerator  # noqa: E402
from jinja2.nodes import Impossible, TemplateData  # noqa: E402

child_to_const = NativeCodeGenerator._output_child_to_const

HERE = pathlib.Path(__file__).parent
KINDS = {'conditions': 'condition', 'files': 'file', 'messages': 'message'}


def plain_concat(nodes):
    """One node keeps its type, several make a text."""
    first, count, text = '', 0, ''
    for node in nodes:
        count += 1
        if count == 1:
            first = node
            continue
        if count == 2:
            text = printed(first)
        text += printed(node)
    return structured(first if count < 2 else text)


def structured(value):
    """What a text spells that begins like a list or mapping, or is a truth value."""
    if not isinstance(value, str) or isinstance(value, NativeJinjaText):
        return value
    if not value.startswith(('{', '[')) and value not in ('True', 'False'):
        return value
    return ansible_eval_concat([value])


def text_concat(nodes):
    return ''.join(printed(node) for node in nodes)


def printed(node):
    return '' if node is None else str(node)


def constant_text_only(self, node, frame, finalize):
    """Keeps Jinja2 from turning constant expressions into text while it compiles."""
    if not isinstance(node, TemplateData):
        raise Impossible()
    return child_to_const(self, node, frame, finalize)


class Printed:
    """Shows itself as str() does."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return str(self.value)


def finished(value):
    """Tuples and other iterables become lists, as when Ansible hands a value on."""
    if isinstance(value, dict):
        return {key: finished(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finished(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(finished(item) for item in value)
    if isinstance(value, datetime.datetime):
        return Printed(value)
    if isinstance(value, bool) or value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if type(value).__name__ == 'Undefined':
        return ''
    raise TypeError(f'a {type(value).__name__} is no value')


def error_kind(error):
    names = {type(e).__name__ for e in chain(error)}
    text = ' '.join(str(e) for e in chain(error))
    if 'TemplateSyntaxError' in names or 'template error while templating' in text:
        return 'syntax'
    if names & {'AnsibleUndefinedVariable', 'UndefinedError'} or 'is undefined' in text:
        return 'undefined'
    return 'runtime'


def first_line(error):
    return str(error).split('\n')[0]


def chain(error):
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = getattr(error, 'orig_exc', None) or error.__cause__
    return seen


def evaluate(kind, text, variables):
    loader = DataLoader()
    loader.set_basedir(str(HERE))
    templar = Templar(loader, variables=copy.deepcopy(variables))
    templar.environment.loader.searchpath = [str(HERE / 'templates')]
    if kind == 'condition':
        conditional = Conditional(loader=loader)
        conditional.when = [text]
        return bool(conditional.evaluate_conditional(templar, templar.available_variables))
    if kind == 'file':
        filer = templar.copy_with_new_env(environment_class=AnsibleEnvironment)
        return filer.do_template(text, preserve_trailing_newlines=True, escape_backslashes=False)
    return finished(templar.template(text))


def cases(files):
    for file in files:
        kind = KINDS.get(file.stem, 'template')
        for line in file.read_text().split('\n'):
            if line and not line.startswith('## '):
                yield file.stem, kind, line


def main():
    Display.display = lambda *args, **kwargs: None
    logging.disable()
    NativeCodeGenerator._output_child_to_const = constant_text_only
    template_module.AnsibleNativeEnvironment.concat = staticmethod(plain_concat)
    template_module.ansible_concat = text_concat
    variables = json.loads((HERE / 'variables.json').read_text())
    variables['omit'] = '__omit_place_holder__polarplay__'
    files = [pathlib.Path(name) for name in sys.argv[1:]] or sorted((HERE / 'cases').glob('*.txt'))
    results = {}
    for name, kind, line in cases(files):
        text = line.replace('⏎', '\n')
        try:
            outcome = {'value': repr(evaluate(kind, text, variables))}
        except RecursionError:
            outcome = {'error': 'runtime'}
        except Exception as error:  # whatever it is, the case is a mistake
            outcome = {'message': first_line(error)} if kind == 'message' else {'error': error_kind(error)}
        results.setdefault(name, {})[line] = outcome
    json.dump(results, sys.stdout, ensure_ascii=False, indent=1)
    print()


main()
