"""Runs tasks with the code of the installed Ansible, in one process: the module's own, or its action plugin's, which
finds its modules here as well. Reads a job on stdin, prints the list of results."""
import importlib
import json
import os
import shutil
import sys
import tempfile

import ansible.module_utils.basic as basic

job = json.load(sys.stdin)
options = {'_ansible_' + key: value for key, value in job.get('options', {}).items()}


def run_module(name, args, cwd):
    module = importlib.import_module(name)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(w, 1)
        os.close(r)
        os.chdir(cwd)
        os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
        own = dict(args, **options, _ansible_remote_tmp=scratch)
        basic._ANSIBLE_ARGS = json.dumps({'ANSIBLE_MODULE_ARGS': own}).encode()
        try:
            module.main()
        except SystemExit:
            pass
        sys.stdout.flush()
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        out = f.read()
    os.waitpid(pid, 0)
    try:
        return json.loads(out)
    except ValueError:
        return {'failed': True, 'msg': out}


def module_path(name):
    if name.startswith(('ansible.builtin.', 'ansible.legacy.')):
        return 'ansible.modules.' + name.split('.')[-1]
    namespace, collection, module = name.split('.')
    return 'ansible_collections.%s.%s.plugins.modules.%s' % (namespace, collection, module)


def action_runner():
    from ansible.parsing.dataloader import DataLoader
    from ansible.playbook.play_context import PlayContext
    from ansible.playbook.task import Task
    from ansible.plugins import loader as plugins
    from ansible.plugins.action import ActionBase
    from ansible.template import Templar

    state = {}

    def execute_module(self, module_name=None, module_args=None, **_):
        name = module_name or self._task.action
        args = dict(self._task.args if module_args is None else module_args)
        name = name.replace('ansible.legacy.', 'ansible.builtin.')
        return run_module(module_path(name), args, state['cwd'])

    def make_tmp_path(self, *_):
        self._connection._shell.tmpdir = tempfile.mkdtemp(dir=scratch)
        return self._connection._shell.tmpdir

    def remove_tmp_path(self, path, **_):
        if path:
            shutil.rmtree(path, ignore_errors=True)

    ActionBase._execute_module = execute_module
    ActionBase._make_tmp_path = make_tmp_path
    ActionBase._remove_tmp_path = remove_tmp_path
    ActionBase._fixup_perms2 = lambda self, paths, **_: [os.chmod(p, 0o755) for p in paths]
    ActionBase._remote_expand_user = lambda self, path, **_: os.path.expanduser(path)
    loader = DataLoader()

    def run(case):
        state['cwd'] = case['dir']
        task = Task()
        task.action = job['name']
        task.args = case['args']
        task.async_val = 0
        context = PlayContext()
        connection = plugins.connection_loader.get('local', context, '/dev/null')
        connection.cwd = case['dir']
        plugin = plugins.action_loader.get(
            job['name'], task=task, connection=connection, play_context=context, loader=loader,
            templar=Templar(loader=loader), shared_loader_obj=plugins)
        try:
            return plugin.run(task_vars={'inventory_hostname': 'test'})
        except Exception as error:
            return dict({'failed': True, 'msg': str(error)}, **getattr(error, 'result', {}))

    return run


if job['via'] == 'action':
    run = action_runner()
else:
    def run(case):
        return run_module(module_path(job['name']), case['args'], case['dir'])

with tempfile.TemporaryDirectory() as scratch:
    print(json.dumps([run(case) for case in job['cases']], default=str))
