"""Words and phrases that are prohibited by themselves, by category and language, as `refused.py` has sentences."""

PEOPLE_EN = "a woman|a man|two adults|a couple|a model|an actress|my neighbour|a soldier|a nurse"

SLOTS: dict[str, dict[str, str]] = {
    "en": {
        "who": PEOPLE_EN,
        "bare": "naked|nude|fully naked|in the nude|with no clothes on|undressed",
        "where": "in a bedroom|on a beach|in a dark room|in the street|at night|in a hotel|outdoors|, realistic|",
        "organ": "heart|guts|intestines|tongue|brain|liver|eyes|teeth|fingernails",
        "limb": "arm|leg|hand|head|throat|ear|belly|chest|face|neck",
        "animal": "a bear|a shark|a pack of dogs|a lion|a crocodile|a zombie",
        "bad": "vermin|rats|parasites|animals|filth|a disease|criminals by nature|subhuman|the enemy|apes|thieves|inferior",
        "means": "jumps from the roof|swallows all the pills|ties the rope|opens the veins|takes the gun|lies down on the rails|drinks poison|"
        "walks into the river|steps off the ledge",
        "kills": "beheads|executes|shoots|blows up|burns|stabs|murders|massacres|runs over|takes hostage",
        "victims": "two hostages|a prisoner|people at prayer|tourists|passengers on a bus|pupils in a school|a crowd on the promenade|shoppers|"
        "pedestrians|a wedding party|journalists|police officers",
        "group": "Jews|Muslims|Black people|immigrants|gays|Roma|Asians|refugees|Arabs|trans people|Christians|disabled people",
        "band": "ISIS|al-Qaeda|a terrorist group|the jihadists|a neo-Nazi cell|Boko Haram",
        "does": "robbing a bank|drunk at a party|dancing|crying in court|eating a burger|in handcuffs|in a boxing match|on a horse",
    },
    "de": {
        "who": "eine Frau|ein Mann|zwei Erwachsene|ein Paar|ein Model|eine Nachbarin|ein Soldat",
        "bare": "nackt|völlig nackt|ohne Kleider|unbekleidet|splitternackt",
        "where": "im Schlafzimmer|am Strand|in einem dunklen Raum|auf der Straße|nachts|im Hotel|",
        "organ": "das Herz|die Gedärme|die Zunge|das Hirn|die Zähne|die Nägel|die Augen|der Darm",
        "limb": "ein Arm|ein Bein|eine Hand|der Kopf|ein Ohr|ein Finger|ein Fuß",
        "animal": "ein Bär|ein Hai|eine Meute Hunde|ein Löwe|ein Zombie",
        "bad": "Ungeziefer|Ratten|Parasiten|Tiere|Dreck|Abschaum|eine Krankheit|geborene Verbrecher|Untermenschen|der Feind|Affen|minderwertig",
        "means": "springt vom Dach|schluckt alle Tabletten|knüpft den Strick|öffnet sich die Adern|greift zur Pistole|legt sich auf die Gleise|"
        "trinkt Gift|geht ins Wasser",
        "kills": "enthauptet|erschießt|verbrennt|ersticht|ermordet|köpft|überfährt|enthaupten|erschießen|töten",
        "victims": "zwei Geiseln|einen Gefangenen|Betende|Touristen|Fahrgäste im Bus|Schüler|die Menge|Fußgänger|Journalisten|Polizisten",
        "group": "Juden|Muslime|Schwarze|Einwanderer|Schwule|Roma|Asiaten|Flüchtlinge|Araber|Behinderte",
        "band": "IS|al-Qaida|einer Terrorgruppe|den Dschihadisten|einer Neonazi-Zelle",
        "does": "raubt eine Bank aus|betrunken auf einer Feier|tanzt|weint vor Gericht|isst einen Burger|in Handschellen",
    },
    "fr": {
        "who": "une femme|un homme|deux adultes|un couple|un mannequin|une voisine|un soldat",
        "bare": "nue|nu|complètement nus|sans vêtements|dévêtue|à poil",
        "where": "dans une chambre|sur la plage|dans une pièce sombre|dans la rue|la nuit|à l'hôtel|",
        "organ": "le coeur|les tripes|la langue|la cervelle|les dents|les ongles|les yeux|l'intestin",
        "limb": "un bras|une jambe|une main|la tête|une oreille|un doigt|un pied",
        "animal": "un ours|un requin|une meute de chiens|un lion|un zombie",
        "bad": "de la vermine|des rats|des parasites|des animaux|des ordures|une maladie|des criminels-nés|des sous-hommes|l'ennemi|des singes",
        "means": "saute du toit|avale tous les cachets|noue la corde|s'ouvre les veines|prend le pistolet|se couche sur les rails|boit du "
        "poison|entre dans le fleuve",
        "kills": "décapite|exécute|abat|égorge|brûle|poignarde|assassine|massacre|écrase|prend en otage",
        "victims": "deux otages|un prisonnier|des fidèles|des touristes|les passagers d'un bus|des élèves|la foule|des piétons|des journalistes|"
        "des policiers",
        "group": "les juifs|les musulmans|les noirs|les immigrés|les homosexuels|les Roms|les Asiatiques|les réfugiés|les Arabes",
        "band": "Daech|al-Qaïda|un groupe terroriste|des djihadistes|une cellule néonazie",
        "does": "braque une banque|ivre à une fête|danse|pleure au tribunal|mange un hamburger|menotté",
    },
}
"""Language -> slot -> words."""

WORDS: dict[str, dict[str, str]] = {
    "sexual": {
        "en": "porn|nudes|naked body|undressing|striptease|sex tape|intercourse|masturbation|orgasm|blowjob|oral sex|anal sex|threesome|gangbang|"
        "genitals|penis|vagina|bare breasts|nipples|boobs|tits out|erection|orgy|fetish sex|nude dancer|rape|sexual assault|groping|upskirt|"
        "nudify|undressed|lewd|horny|having sex|making love|fucking|sexual act|prostitute and client|swingers|voyeur|flashes her breasts|pr0n",
        "de": "Porno|Nacktbilder|nackter Körper|Ausziehen|Striptease|Sexvideo|Geschlechtsverkehr|Selbstbefriedigung|Orgasmus|Oralsex|Analsex|Dreier|"
        "Genitalien|Penis|Vagina|nackte Brüste|Nippel|Titten|Erektion|Orgie|Fetischsex|Nackttänzerin|Vergewaltigung|sexueller Übergriff|"
        "begrapschen|splitternackt|unbekleidet|entkleidet sich|hat Sex|schläft mit ihm|ficken|Sexakt|Freier und Hure|Swinger|Spanner|entblößt",
        "fr": "porno|photos nues|corps nu|se déshabille|strip-tease|vidéo de sexe|rapport sexuel|masturbation|orgasme|fellation|sodomie|plan à trois|"
        "parties génitales|pénis|vagin|seins nus|tétons|nichons|érection|orgie|partouze|danseuse nue|viol|agression sexuelle|tripoter|dénudée|"
        "dévêtue|toute nue|font l'amour|couche avec lui|baiser au lit|acte sexuel|prostituée et client|échangistes|voyeur|exhibitionniste",
    },
    "gore": {
        "en": "decapitation|severed head|severed limb|dismembered|disembowelled|entrails|guts spilling|brains splattered|mutilated|flayed|skinned "
        "alive|torture|bloodbath|massacre|bloody corpse|mangled body|rotting corpse|charred corpse|slit throat|stabbed to death|impaled|gouged "
        "eyes|crushed skull|cannibal feast|gore|splatter|snuff|hacked to death|bludgeoned|bleeding out|burned alive|torn apart|body parts",
        "de": "Enthauptung|abgetrennter Kopf|abgerissene Glieder|zerstückelt|ausgeweidet|Eingeweide|Gedärme quellen|Hirn spritzt|verstümmelt|gehäutet|"
        "Folter|Blutbad|Massaker|blutige Leiche|zerfetzter Körper|verweste Leiche|verkohlte Leiche|durchgeschnittene Kehle|erstochen|gepfählt|"
        "ausgestochene Augen|zertrümmerter Schädel|Menschenfleisch|Splatter|abgeschlachtet|erschlagen|verblutet|lebendig verbrannt|zerfleischt|"
        "Leichenteile|zerhackt|geköpft|zersägt|zu Tode gequält|Blutlache|aufgeschlitzt|erwürgt|zerquetscht",
        "fr": "décapitation|tête coupée|membres arrachés|démembré|éventré|entrailles|tripes à l'air|cervelle éclatée|mutilé|écorché vif|torture|bain de "
        "sang|massacre|cadavre sanglant|corps déchiqueté|cadavre pourri|corps carbonisé|gorge tranchée|poignardé à mort|empalé|yeux crevés|crâne "
        "fracassé|chair humaine|film gore|abattu à la hache|se vide de son sang|brûlé vif|dévoré vivant|morceaux de corps|scié vivant|étranglé|"
        "égorgé|mare de sang|crâne écrasé|sang qui gicle|supplice|lynché|broyé vivant",
    },
    "hate": {
        "en": "ethnic cleansing now|white supremacy|racial purity|master race|subhumans|vermin people|gas the Jews|heil Hitler|sieg heil|Holocaust is a "
        "lie|Nazi glory|KKK glory|exterminate them all, the foreigners|foreigners out|kill the gays|inferior race|race traitor|great replacement|"
        "death to Muslims|death to Jews|antisemitic caricature|racist slur|desecrate a Jewish cemetery|pogrom celebrated|lynching celebrated",
        "de": "Rassenreinheit|Herrenrasse|Untermenschen|Volksschädlinge|Juden vergasen|Heil Hitler|Sieg Heil|Holocaustlüge|Ruhm der SS|Ausländer raus|"
        "Umvolkung|minderwertige Rasse|Tod den Muslimen|Tod den Juden|Judenhetze|antisemitische Karikatur|rassistische Hetze|Kanaken|Judenschweine|"
        "Pogrom bejubelt|Lynchmord bejubelt|Asylanten verbrennen|schlagt die Juden|Judenläden zerstören|Zigeunerpack|Schwuchteln",
        "fr": "pureté raciale|race des maîtres|sous-hommes|gazer les juifs|heil Hitler|mensonge de la Shoah|gloire aux SS|étrangers dehors|grand "
        "remplacement|race inférieure|mort aux musulmans|mort aux juifs|haine des juifs|caricature antisémite|insulte raciste|bougnoules|sale juif|"
        "sales Arabes|pogrom acclamé|lynchage acclamé|brûler les migrants|frapper les juifs|les camps avaient raison|sales pédés|nègres",
    },
    "self-harm": {
        "en": "suicide|kill myself|killing yourself|self-harm|self-injury|slit wrists|cutting myself|hanging myself|noose around my neck|overdose to die|"
        "jump to my death|jumps off the roof to die|in front of the subway to die|end my life|want to die|suicide note|suicide pact|pro-ana|"
        "thinspo|starve to death on purpose|self-immolation|burn myself|shoot myself|drown myself|purging|bulimia tips|anorexia goals",
        "de": "Selbstmord|Suizid|sich umbringen|Selbstverletzung|ritzen|Pulsadern|sich erhängen|Strick um den Hals|absichtliche Überdosis|in den Tod "
        "springen|vor die U-Bahn springen|mein Leben beenden|sterben wollen|Abschiedsbrief und Strick|sich erschießen|sich ertränken|sich "
        "verbrennen|Magersucht als Ziel|pro ana|hungern bis zum Tod|erbrechen, um dünn zu sein|einziger Ausweg Tod|sich das Leben nehmen|Freitod",
        "fr": "suicide|se suicider|se tuer|automutilation|se scarifier|s'ouvrir les veines|se pendre|corde autour du cou|overdose volontaire|sauter dans le "
        "vide pour mourir|se jeter sous le métro|finir ma vie|envie de mourir|lettre d'adieu et corde|se tirer une balle|se noyer exprès|"
        "s'immoler|anorexie comme but|pro ana|s'affamer à mort|vomir pour maigrir|la mort comme issue|mettre fin à ses jours|se donner la mort",
    },
    "terror": {
        "en": "suicide bombing|car bomb|pipe bomb instructions|explosive vest|terror attack|mass shooting|school shooter|active shooter|hostage "
        "execution|jihad recruitment|ISIS propaganda|al-Qaeda anthem|truck attack on a crowd|hijacked plane attack|nerve gas attack|poison the "
        "water supply|assassination of a minister|bomb making|homemade explosives|dirty bomb|terrorist manifesto|holy war call|glory to the "
        "attacker|knife attack on passers-by|opens fire on people|bombs a church|letter bomb|grenade thrown into a cafe|killing spree",
        "de": "Selbstmordanschlag|Autobombe|Rohrbombe Anleitung|Sprengstoffgürtel|Terroranschlag|Amoklauf|Massenschießerei|Geiselhinrichtung|"
        "Dschihad Werbung|IS-Propaganda|IS köpft Gefangene|Lastwagenanschlag|Flugzeugentführung|Giftgasanschlag|Trinkwasser vergiften|Attentat auf "
        "den Minister|Bombenbau|selbstgebauter Sprengstoff|schmutzige Bombe|Terrormanifest|Heiliger Krieg Aufruf|Ruhm dem Attentäter|"
        "Messerangriff auf Passanten|schießt in die Menge|sprengt eine Kirche|Briefbombe|Handgranate ins Café|schießt um sich|Bombenleger",
        "fr": "attentat suicide|voiture piégée|bombe artisanale|ceinture explosive|attaque terroriste|tuerie de masse|fusillade au lycée|exécution "
        "d'otages|recrutement djihadiste|propagande de Daech|Daech égorge|camion dans la foule|avion détourné|attaque au gaz|empoisonner l'eau|"
        "assassinat du ministre|fabrication de bombe|explosif maison|bombe sale|manifeste terroriste|appel au djihad|gloire au tueur|hommage au "
        "terroriste|attaque au couteau|ouvre le feu|tire dans la foule|colis piégé|grenade dans un café|fonce dans la foule|poseur de bombe",
    },
}
"""Category -> language -> words and phrases that are prohibited wherever they stand."""
