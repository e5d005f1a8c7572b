export { type AdoptedModel, type AdoptOptions, adoptModel } from './adopt-model.js';
export { type LayoutName, layoutNames, suppressionIou } from './layouts.js';
