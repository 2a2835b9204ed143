import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Time and timers live in core/time only (design, section 5). */
const clockOnly = [
  { selector: 'CallExpression[callee.name=/^(setTimeout|setInterval)$/]', message: 'Use the Clock (core/time).' },
  {
    selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    message: 'Use the Clock (core/time).',
  },
  {
    selector: "CallExpression[callee.object.name='performance'][callee.property.name='now']",
    message: 'Use the Clock (core/time).',
  },
];
/** A default export hides the name at the place of use. */
const namedOnly = [{ selector: 'ExportDefaultDeclaration', message: 'Named exports only.' }];
/** House rule 11. */
const smallInterfaces = [
  {
    selector: 'TSInterfaceBody > TSMethodSignature:nth-child(9)',
    message: 'Interfaces have at most eight members (data records: use a type or readonly properties).',
  },
];
/** Module-level mutable state: a test starts two servers in one process. */
const nothingGlobal = [
  { selector: "Program > VariableDeclaration[kind='let']", message: 'No module-level mutable state.' },
  {
    selector: "Program > ExportNamedDeclaration > VariableDeclaration[kind='let']",
    message: 'No module-level mutable state.',
  },
];

export default tseslint.config(
  { ignores: ['dist', 'build', 'coverage', 'node_modules', 'modules/http/page', '**/*.cjs', '**/*.js', '**/*.mjs'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-restricted-syntax': ['error', ...clockOnly, ...namedOnly, ...smallInterfaces, ...nothingGlobal],
      'max-lines': ['error', { max: 400 }],
      complexity: ['error', 20],
      'max-params': ['error', 5],
      'max-depth': ['error', 4],
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['core/time/**'],
    rules: { 'no-restricted-syntax': ['error', ...namedOnly, ...smallInterfaces, ...nothingGlobal] },
  },
  {
    files: ['tests/**', 'scripts/**'],
    rules: {
      'no-restricted-syntax': ['error', ...namedOnly],
      'no-console': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'mocha', name: ['describe', 'it'] }] },
      ],
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
