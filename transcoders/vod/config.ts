import { flag, type Infer, integer, optional, path, section } from '../../core/config/schema.ts';

/** The `vod` section of the configuration. */
export const vodConfig = section({
  folder: optional(
    path({ about: 'Files in here are streams named vod://FILE and vod-live://FILE; without it none is.' }),
  ),
  loop: flag({ default: true, about: 'Whether vod-live://FILE begins again at its end; vod://FILE ends.' }),
  maximum: integer({ default: 20, minimum: 1, maximum: 1_000, about: 'Files that are read at a time.' }),
});
export type VodConfig = Infer<typeof vodConfig>;
