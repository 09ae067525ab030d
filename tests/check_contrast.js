// Text whose contrast with what lies behind it is too small (WCAG AA), as "words: ratio".
// Colours are drawn and read back, because a browser names them in many ways.
() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });

  function rgba(color) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }
  const over = (top, below) => top.slice(0, 3).map((each, index) => each * top[3] + below[index] * (1 - top[3]));
  function behind(element) {
    let ground = [255, 255, 255];
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(rgba(getComputedStyle(at).backgroundColor));
    for (const layer of layers) ground = over(layer, ground);
    return ground;
  }
  function light(color) {
    const linear = color.map((each) => (each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  }

  const pale = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const words = walk.currentNode.textContent.trim();
    const element = walk.currentNode.parentElement;
    if (!words || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest(".sr-only, noscript, [disabled]")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const [one, two] = [light(over(rgba(style.color), ground)), light(ground)];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) pale.push(`${words.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return pale;
}
