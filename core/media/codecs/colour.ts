/** Code points of ISO/IEC 23091-2; 2 is "unspecified". */
export type Colour = {
  readonly colourPrimaries: number;
  readonly transferCharacteristics: number;
  readonly matrixCoefficients: number;
  readonly fullRange: boolean;
};

/** The colour fields of vp09 and av01 codec strings: `.01.01.01.0`. */
export function colourFields(of: Colour): string {
  return `.${two(of.colourPrimaries)}.${two(of.transferCharacteristics)}.${two(of.matrixCoefficients)}.${of.fullRange ? 1 : 0}`;
}

/** Two decimal digits. */
export function two(value: number): string {
  return value.toString().padStart(2, '0');
}
