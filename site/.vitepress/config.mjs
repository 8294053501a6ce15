import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { defineConfig } from 'vitepress';

const repository = resolve(import.meta.dirname, '../..');

const page = (text, name) => ({ text, link: `/docs/${name}` });

const english = [
  {
    text: 'Use',
    items: [
      { text: 'Overview', link: '/' },
      page('Your first hour', 'first-hour'),
      page('Deployment', 'deployment'),
      page('Operations', 'operations'),
      page('Runs', 'runs'),
      page('SSH', 'ssh'),
      page('Security', 'security'),
      page('Troubleshooting', 'troubleshooting'),
      { text: 'Acceptance suite', link: '/verify/README' },
      { text: 'Benchmarks', link: '/bench/README' },
    ],
  },
  {
    text: 'Look up',
    items: [
      page('Modules', 'modules'),
      page('Variables', 'variables'),
      page('Checks', 'checks'),
      page('Own checks', 'own-checks'),
      page('Faults', 'faults'),
      page('Filters, tests and lookups', 'templates'),
      page('Lint rules', 'lint'),
      page('Compatibility with Ansible', 'compatibility'),
      page('Public playbooks', 'public-playbooks'),
      page('Versions', 'versions'),
      { text: 'Changes', link: '/CHANGELOG' },
    ],
  },
  {
    text: 'Work on it',
    items: [
      { text: 'Contributing', link: '/CONTRIBUTING' },
      page('Architecture', 'architecture'),
      page('Decisions', 'decisions/README'),
      page('Dependencies', 'dependencies'),
    ],
  },
];

const chinese = [
  {
    text: '使用',
    items: [
      { text: '概述', link: '/README.zh-CN' },
      page('第一个小时', 'zh-CN/first-hour'),
      { text: '英文文档', link: '/' },
    ],
  },
];

/** Words of a text for the search. Chinese has no spaces between them. */
function words(text) {
  const segmenter = new Intl.Segmenter('zh', { granularity: 'word' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment).filter(word =>
    /[\p{L}\p{N}]/u.test(word),
  );
}

/** Links to files that are no pages (programs, playbooks) stand as plain text: the site has only pages. */
function pagesOnly(md) {
  // Braces in our pages are templates of playbooks: Vue is not to read them.
  for (const kind of ['text', 'code_inline']) {
    const rule = md.renderer.rules[kind];
    md.renderer.rules[kind] = (...given) => rule(...given).replaceAll('{{', '&#123;&#123;');
  }
  md.core.ruler.push('pages-only', ({ tokens, env }) => {
    for (const { children } of tokens) {
      let isDropped = false;
      for (const token of children ?? []) {
        if (token.type === 'link_open') isDropped = isNoPage(token.attrGet('href') ?? '', env.path ?? '');
        if (isDropped && /^link_/.test(token.type)) token.hidden = true;
        if (isDropped && /^link_/.test(token.type))
          Object.assign(token, { type: 'text', tag: '', nesting: 0, content: '', attrs: null });
      }
    }
  });
}

function isNoPage(href, from) {
  if (/^(\w+:|#)/.test(href)) return false;
  const target = resolve(dirname(from), decodeURI(href.replace(/#.*/, '')));
  return existsSync(target) && !/\.md$/.test(target);
}

export default defineConfig({
  title: 'polarplay',
  description:
    'Playbooks over plain SSH, and PolarDB for PostgreSQL on shared block storage with proof that it works',
  srcDir: repository,
  srcExclude: ['**/node_modules/**', 'site/**', 'lib/**', '.github/**', 'dist/**', 'test/**'],
  outDir: '.vitepress/dist',
  rewrites: { 'README.md': 'index.md' },
  // The pages lie outside of this folder, and what they are made with inside.
  vite: {
    resolve: {
      alias: [
        { find: /^vue$/, replacement: resolve(import.meta.dirname, '../node_modules/vue') },
        {
          find: /^vue\/server-renderer$/,
          replacement: resolve(import.meta.dirname, '../node_modules/vue/server-renderer'),
        },
      ],
    },
  },
  // The pages open from a folder of a web server, and from a preview; nothing of them comes from a network.
  lastUpdated: false,
  // Angle brackets stand for words.
  markdown: { html: false, config: pagesOnly },
  locales: {
    root: { label: 'English', lang: 'en', themeConfig: { sidebar: english, outline: [2, 3] } },
    'docs/zh-CN': {
      label: '简体中文',
      lang: 'zh-CN',
      link: '/docs/zh-CN/first-hour',
      themeConfig: {
        sidebar: chinese,
        outline: { level: [2, 3], label: '本页内容' },
        docFooter: { prev: '上一页', next: '下一页' },
      },
    },
  },
  themeConfig: {
    nav: [
      { text: 'First hour', link: '/docs/first-hour' },
      { text: 'Modules', link: '/docs/modules' },
      { text: 'Variables', link: '/docs/variables' },
      { text: '中文', link: '/README.zh-CN' },
    ],
    search: {
      provider: 'local',
      options: {
        miniSearch: { options: { tokenize: words } },
        locales: {
          'docs/zh-CN': {
            translations: {
              button: { buttonText: '搜索', buttonAriaLabel: '搜索' },
              modal: {
                noResultsText: '没有结果',
                resetButtonTitle: '清除',
                footer: { selectText: '选择', navigateText: '切换', closeText: '关闭' },
              },
            },
          },
        },
      },
    },
  },
});
