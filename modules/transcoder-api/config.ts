import { flag, type Infer, integer, section } from '../../core/config/schema.ts';

export const transcoderApiConfig = section({
  maximum: integer({ default: 100, minimum: 1, about: 'Transcoders started by REST at one time.' }),
  thumbnails: flag({
    default: true,
    about: 'Whether everybody who may play a stream gets a small picture of it at /thumbnails/NAME.jpg.',
  }),
});
export type TranscoderApiConfig = Infer<typeof transcoderApiConfig>;
