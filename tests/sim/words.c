#include "words.h"

#include <stddef.h>

const char *const words_base[] = {
	"Product Catalog", "Project Tracker", "Sales CRM", "Event Planning",
	"Content Calendar", "Recruiting", "Inventory", "Bug Tracker", NULL,
};
const char *const words_table[] = {
	"Furniture", "Vendors", "Orders", "Clients", "Designers", "Stores",
	"Shipments", "Reviews", NULL,
};
const char *const words_status[] = {
	"Todo", "In progress", "Done", "On hold", NULL,
};
const char *const words_tags[] = {
	"Indoor", "Outdoor", "Sale", "New", "Fragile", "Custom", NULL,
};
const char *const words_adjective[] = {
	"Hammock", "Oak", "Walnut", "Velvet", "Folding", "Rustic", "Modern",
	"Linen", "Copper", "Woven", "Round", "Tall", "Low", "Antique",
	"Nordic", "Garden", NULL,
};
const char *const words_noun[] = {
	"Chair", "Table", "Lamp", "Sofa", "Bench", "Desk", "Shelf", "Stool",
	"Rug", "Cabinet", "Mirror", "Bed", "Ottoman", "Wardrobe", NULL,
};
const char *const words_person[] = {
	"alex", "sam", "maria", "jonas", "li", "fatima", "noah", "ines",
	"tom", "yuki", NULL,
};
const char *const words_sentence[] = {
	"Waiting for the supplier's answer.",
	"Sample is in the showroom.",
	"Check the measurements before ordering.",
	"Customer asked for a darker stain.",
	"Ships flat; assembly takes about an hour.",
	"Discontinued at the end of the season.",
	"Price agreed until June.",
	"Second delivery was damaged.",
	NULL,
};
