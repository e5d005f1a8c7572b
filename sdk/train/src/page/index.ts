export { PredictionPictures } from './prediction-pictures.js';
export { TrainingPage } from './training-page.js';
