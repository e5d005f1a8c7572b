import { z } from 'zod';

const fraction = z.number().min(0).max(1);
const says = (description: string) => ({ description });

/**
 * How training images are varied. The defaults of all keys but `flipHorizontal` change nothing. Order of operations:
 * resize, mosaic, copyPaste, crop with scale and aspect, blur, noise, contrast and brightness, gamma, then rotate90,
 * transpose and the flips.
 */
export const augmentConfigSchema = z.strictObject({
  flipHorizontal: z.boolean().default(true).meta(says('Mirror half of the images left to right.')),
  flipVertical: z.boolean().default(false).meta(says('Mirror half of the images top to bottom.')),
  resize: z
    .strictObject({
      shortSides: z
        .array(z.int().min(32).max(4096))
        .min(1)
        .meta(says('Lengths in px for the shorter side; one of them is drawn for each image (multi-scale training).')),
      longSide: z.int().min(32).max(4096).meta(says('Largest length in px of the longer side; the scale gives way.')),
    })
    .nullable()
    .default(null)
    .meta(
      says(
        'Training scales each image by this rule and pads a batch to its largest image; null fits every image into imageSizeHw.',
      ),
    ),
  transpose: z.boolean().default(false).meta(says('Swap rows and columns of half of the square images.')),
  rotate90: z
    .boolean()
    .default(false)
    .meta(says('Turn each image by 0, 90, 180 or 270 degrees, all equally likely; sides that differ change places.')),
  scale: z
    .tuple([z.number().min(0.25).max(4), z.number().min(0.25).max(4)])
    .default([1, 1])
    .meta(
      says(
        'Smallest and largest factor of the size, drawn evenly in the logarithm. What grows beyond the frame is cut beside boxes, never through one; what shrinks is padded.',
      ),
    ),
  aspect: z
    .number()
    .min(1)
    .max(2)
    .default(1)
    .meta(says('Width over height is multiplied by a factor between 1 / aspect and aspect.')),
  crop: z
    .strictObject({
      probability: fraction.default(0.5).meta(says('Share of the images that are cropped.')),
      minSide: z.number().min(0.1).max(1).default(0.5).meta(says('Smallest side as a share of that of the image.')),
    })
    .nullable()
    .default(null)
    .meta(
      says(
        'Cut a window out and fit it into the frame. A window never cuts a box: boxes are inside as a whole, or outside and left out; at least one stays.',
      ),
    ),
  brightness: fraction.default(0).meta(says('Levels are shifted by up to this share of the range, up or down.')),
  contrast: z
    .number()
    .min(0)
    .max(0.9)
    .default(0)
    .meta(says('Distances from mid-grey are multiplied by a factor between 1 - contrast and 1 + contrast.')),
  gamma: z
    .number()
    .min(1)
    .max(4)
    .default(1)
    .meta(says('Exponent of the levels (0..1) is drawn between 1 / gamma and gamma.')),
  noise: z
    .number()
    .min(0)
    .max(64)
    .default(0)
    .meta(says('Gaussian noise; its standard deviation in levels of 0..255 is drawn between 0 and this.')),
  blur: z
    .number()
    .min(0)
    .max(5)
    .default(0)
    .meta(says('Gaussian blur; its standard deviation in px is drawn between 0 and this.')),
  copyPaste: z
    .strictObject({
      probability: fraction.default(0.5).meta(says('Share of the images that receive boxes.')),
      maxBoxes: z.int().min(1).max(50).default(3).meta(says('Most boxes pasted into one image.')),
      marginPx: z.int().min(0).max(64).default(4).meta(says('Pixels around a box that come along, fading out.')),
    })
    .nullable()
    .default(null)
    .meta(says('Paste boxes with their pixels from another image of the dataset, where they overlap no box.')),
  mosaic: fraction
    .default(0)
    .meta(says('Share of the images that are composed of four, each at its own scale around a random centre.')),
});

/** How batches are made; nothing here changes what a batch contains. */
export const loaderConfigSchema = z.strictObject({
  workers: z
    .int()
    .min(0)
    .max(64)
    .nullable()
    .default(null)
    .meta(says('Threads that decode and augment; null is one for each core, at most 8; 0 uses none.')),
  prefetchBatches: z.int().min(1).max(16).default(2).meta(says('Batches made ahead of the one in use.')),
  cacheMegabytes: z
    .int()
    .min(0)
    .max(32768)
    .default(1024)
    .meta({
      ...says('Memory for decoded images, shared by all threads; the rest is decoded each epoch.'),
      unit: 'MiB',
    }),
});
