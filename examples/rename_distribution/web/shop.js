document.querySelectorAll('[data-price]').forEach((price) => {
    price.textContent = new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'EUR' }).format(price.dataset.price);
});
