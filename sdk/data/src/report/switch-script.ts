/**
 * The page's only script: shows the curves of the chosen class and IoU. Without it the page reads the same, with the
 * curves that it opens with and all figures in the tables.
 */
export const switchScript = `
(() => {
  const root = document.getElementById('curves');
  const controls = root.querySelector('.switch');
  const [ofClass, ofIou] = controls.querySelectorAll('select');
  const status = root.querySelector('[role=status]');
  const show = () => {
    const labels = [];
    for (const curve of root.querySelectorAll('g[data-class]')) {
      const isShown = curve.dataset.class === ofClass.value && (ofIou.value === 'all' || curve.dataset.iou === ofIou.value);
      curve.classList.toggle('off', !isShown);
      if (isShown) labels.push(curve.dataset.label);
    }
    status.textContent = labels.length > 3 ? status.dataset.family.replace('CLASS', () => ofClass.selectedOptions[0].textContent) : labels.length > 0 ? labels.join('; ') : 'There is no ground truth of this class.';
  };
  controls.hidden = false;
  controls.addEventListener('change', show);
  show();
})();
`;
