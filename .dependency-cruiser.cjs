/** The boundaries of the design's section 5. */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Types may refer to each other; what is loaded may not.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-knows-no-protocol',
      severity: 'error',
      from: { path: '^core/' },
      to: { path: '^(modules|wire|transcoders|cli)/|^switchyard\\.ts$' },
    },
    {
      name: 'wire-is-pure',
      comment: 'wire/ does no I/O: bytes in, values out',
      severity: 'error',
      from: { path: '^wire/' },
      to: { pathNot: '^wire/|^(node:)?(buffer|crypto)$' },
    },
    {
      name: 'modules-meet-by-contract',
      severity: 'error',
      from: { path: '^modules/([^/]+)/' },
      to: { path: '^modules/', pathNot: '^modules/$1/|^modules/[^/]+/contract\\.ts$' },
    },
    {
      name: 'modules-know-no-product',
      severity: 'error',
      from: { path: '^modules/[^/]+/' },
      to: { path: '^(transcoders|cli)/|^switchyard\\.ts$|^modules/index\\.ts$' },
    },
    {
      name: 'contract-imports-core-only',
      severity: 'error',
      from: { path: '^modules/[^/]+/contract\\.ts$' },
      to: { path: '^(modules|wire|transcoders|cli)/' },
    },
    {
      name: 'transcoders-use-core-and-wire',
      severity: 'error',
      from: { path: '^transcoders/' },
      to: { path: '^(modules|cli)/|^switchyard\\.ts$' },
    },
    {
      name: 'product-does-not-know-tests',
      severity: 'error',
      from: { pathNot: '^(tests|scripts)/' },
      to: { path: '^(tests|scripts)/' },
    },
    {
      name: 'no-dev-dependency-in-product',
      severity: 'error',
      from: { path: '^(core|wire|modules|transcoders|cli)/|^switchyard\\.ts$', pathNot: '^modules/http/page/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^modules/http/page/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
